package portraitdtest

import (
	"bytes"
	"compress/zlib"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

// DefaultExpire is how long the UserSigs live that an app is made with.
const DefaultExpire = 180 * 24 * time.Hour

// App is a throw-away app and its admin.
type App struct {
	URL      string `json:"url"`
	SDKAppID uint32 `json:"sdkappid"`
	Key      string `json:"key"`
	Admin    string `json:"admin"`
	UserSig  string `json:"usersig"` // the admin's

	emulator *Emulator
	t        testing.TB
}

// Options says how an app is made.
type Options struct {
	Empty   bool   `json:"empty,omitempty"`   // without the sample accounts alice, bob and carol
	Webhook bool   `json:"webhook,omitempty"` // sends its changes to the emulator's own webhook receiver
	Like    uint32 `json:"like,omitempty"`    // the app that it is to be like; 0: the one that dev made
}

// RecordedCall is a call that the emulator recorded.
type RecordedCall struct {
	Number     uint64
	Path       string
	Command    string
	Identifier string
	Users      []string // the accounts that the body names
	Body       json.RawMessage
	Code       int
	Answer     json.RawMessage
	Detail     string // why, in words
}

// Filter says which recorded calls; the zero value is all.
type Filter struct {
	Command string
	User    string // an account that the body names
	Code    *int
}

// WebhookCall is a webhook call that the emulator received.
type WebhookCall struct {
	Number  uint64
	Command string
	User    string
	EventID string `json:"event_id"`
	Query   map[string]string
	Headers map[string]string
	Body    json.RawMessage
}

// Fault says which of the app's calls go wrong, how often, and how: docs/EMULATOR.md.
type Fault struct {
	Command     string  `json:"command,omitempty"`
	Host        string  `json:"host,omitempty"`
	User        string  `json:"user,omitempty"`
	Next        int     `json:"next,omitempty"`
	Probability float64 `json:"probability,omitempty"`
	Seed        uint64  `json:"seed,omitempty"`
	Code        int     `json:"code,omitempty"`
	Close       string  `json:"close,omitempty"`     // before, after
	Malformed   string  `json:"malformed,omitempty"` // cut-json, cut-body, empty, html, no-action-status, string-code
	DripMS      int     `json:"drip_ms,omitempty"`
	DelayMS     int     `json:"delay_ms,omitempty"`
	App         uint32  `json:"app"` // set by AddFault
}

// NewApp makes an app for this test alone, in the test binary's emulator, and deletes it when the test has ended. The calls
// that were refused are logged if the test fails.
func NewApp(t testing.TB, options ...Options) *App {
	t.Helper()
	emulator, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return emulator.NewApp(t, options...)
}

// NewApp is like the function NewApp, in this emulator.
func (e *Emulator) NewApp(t testing.TB, options ...Options) *App {
	t.Helper()
	var chosen Options
	if len(options) > 0 {
		chosen = options[0]
	}
	app := &App{emulator: e, t: t}
	app.control("POST", "/apps", chosen, app)
	app.URL = e.URL
	t.Cleanup(func() {
		if t.Failed() {
			for _, call := range app.Requests(Filter{}) {
				if call.Code != 0 {
					t.Logf("portraitd refused %s: %d %s", call.Path, call.Code, call.Detail)
				}
			}
		}
		app.control("DELETE", fmt.Sprint("/apps/", app.SDKAppID), nil, nil)
	})
	return app
}

// Sign returns a UserSig for a user, by the emulator's clock, valid for DefaultExpire.
func (a *App) Sign(user string) string {
	a.t.Helper()
	var clock struct {
		NowMS int64 `json:"now_ms"`
	}
	a.control("GET", "/clock", nil, &clock)
	return Sign(a.SDKAppID, a.Key, user, time.UnixMilli(clock.NowMS), DefaultExpire)
}

// Requests returns the app's recorded calls, oldest first.
func (a *App) Requests(filter Filter) []RecordedCall {
	a.t.Helper()
	query := url.Values{"app": {fmt.Sprint(a.SDKAppID)}}
	if filter.Command != "" {
		query.Set("command", filter.Command)
	}
	if filter.User != "" {
		query.Set("user", filter.User)
	}
	if filter.Code != nil {
		query.Set("code", strconv.Itoa(*filter.Code))
	}
	var calls []RecordedCall
	a.control("GET", "/requests?"+query.Encode(), nil, &calls)
	return calls
}

// Webhooks returns the webhook calls of the app that the emulator received, once count came or wait has passed.
func (a *App) Webhooks(count int, wait time.Duration) []WebhookCall {
	a.t.Helper()
	var calls []WebhookCall
	path := fmt.Sprintf("/webhooks?app=%d&count=%d&wait_ms=%d", a.SDKAppID, count, wait.Milliseconds())
	a.control("GET", path, nil, &calls)
	return calls
}

// AddFault makes calls of the app go wrong.
func (a *App) AddFault(fault Fault) {
	a.t.Helper()
	fault.App = a.SDKAppID
	a.control("POST", "/faults", fault, nil)
}

// Advance moves the emulator's clock until the test has ended. All apps share the clock: such a test must not run in parallel.
func (a *App) Advance(span time.Duration) {
	a.t.Helper()
	a.t.Cleanup(func() { a.control("DELETE", "/clock", nil, nil) })
	a.control("PUT", "/clock", map[string]int64{"advance": span.Milliseconds()}, nil)
}

func (a *App) control(method, path string, body, answer any) {
	a.t.Helper()
	if err := a.emulator.Control(method, path, body, answer); err != nil {
		a.t.Fatal(err)
	}
}

// Sign returns a UserSig (version 2.0, HMAC-SHA256) for a user, made at a time and valid from then on.
func Sign(sdkAppID uint32, key, user string, at time.Time, expire time.Duration) string {
	made, seconds := at.Unix(), int64(expire/time.Second)
	mac := hmac.New(sha256.New, []byte(key))
	fmt.Fprintf(mac, "TLS.identifier:%s\nTLS.sdkappid:%d\nTLS.time:%d\nTLS.expire:%d\n", user, sdkAppID, made, seconds)
	document, _ := json.Marshal(map[string]any{ // texts and numbers alone: it can't fail
		"TLS.ver": "2.0", "TLS.identifier": user, "TLS.sdkappid": sdkAppID, "TLS.time": made, "TLS.expire": seconds,
		"TLS.sig": base64.StdEncoding.EncodeToString(mac.Sum(nil)),
	})
	var packed bytes.Buffer
	writer := zlib.NewWriter(&packed)
	writer.Write(document) // into memory: it can't fail
	writer.Close()
	encoded := base64.StdEncoding.EncodeToString(packed.Bytes())
	return strings.NewReplacer("+", "*", "/", "-", "=", "_").Replace(encoded)
}
