package portraitdtest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"example.com/portraitdtest"
)

const nick = "Tag_Profile_IM_Nick"

var get = map[string]any{"To_Account": []string{"alice"}, "TagList": []string{nick}}

type answer struct {
	ErrorCode       int
	UserProfileItem []struct{ ProfileItem []struct{ Tag, Value string } }
	ResultItem      []struct{ AccountStatus string }
}

func callAs(t *testing.T, app *portraitdtest.App, identifier, userSig, path string, body any) (got answer) {
	t.Helper()
	query := url.Values{
		"sdkappid": {fmt.Sprint(app.SDKAppID)}, "identifier": {identifier}, "usersig": {userSig}, "random": {"7"},
		"contenttype": {"json"},
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.Post(app.URL+"/v4/"+path+"?"+query.Encode(), "application/json", bytes.NewReader(encoded))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	return got
}

func call(t *testing.T, app *portraitdtest.App, path string, body any) answer {
	t.Helper()
	return callAs(t, app, app.Admin, app.UserSig, path, body)
}

func expect[T comparable](t *testing.T, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("%v, not %v", got, want)
	}
}

func TestSetAndGet(t *testing.T) {
	t.Parallel()
	app := portraitdtest.NewApp(t)
	expect(t, call(t, app, "im_open_login_svc/account_import", map[string]string{"UserID": "gopher"}).ErrorCode, 0)
	items := []map[string]string{{"Tag": nick, "Value": "昵称"}}
	body := map[string]any{"From_Account": "gopher", "ProfileItem": items}
	expect(t, call(t, app, "profile/portrait_set", body).ErrorCode, 0)
	body = map[string]any{"To_Account": []string{"gopher"}, "TagList": []string{nick}}
	expect(t, call(t, app, "profile/portrait_get", body).UserProfileItem[0].ProfileItem[0].Value, "昵称")
	calls := app.Requests(portraitdtest.Filter{User: "gopher"})
	expect(t, len(calls), 3)
	expect(t, calls[2].Command, "portrait_get")
}

func TestNoTestSeesTheAccountsOfAnother(t *testing.T) {
	for _, round := range []string{"one", "two"} {
		t.Run(round, func(t *testing.T) {
			t.Parallel()
			app := portraitdtest.NewApp(t, portraitdtest.Options{Empty: true})
			check := map[string]any{"CheckItem": []map[string]string{{"UserID": "only-here"}}}
			const path = "im_open_login_svc/account_check"
			expect(t, call(t, app, path, check).ResultItem[0].AccountStatus, "NotImported")
			call(t, app, "im_open_login_svc/account_import", map[string]string{"UserID": "only-here"})
			expect(t, call(t, app, path, check).ResultItem[0].AccountStatus, "Imported")
		})
	}
}

func TestAWrongKeyIsRefused(t *testing.T) {
	t.Parallel()
	app := portraitdtest.NewApp(t)
	forged := portraitdtest.Sign(app.SDKAppID, strings.Repeat("0", 64), app.Admin, time.Now(), time.Hour)
	expect(t, callAs(t, app, app.Admin, forged, "profile/portrait_get", get).ErrorCode, 70009)
	code := 70009
	expect(t, len(app.Requests(portraitdtest.Filter{Code: &code})), 1)
	// 40004: the UserSig is right, and alice is no App admin.
	expect(t, callAs(t, app, "alice", app.Sign("alice"), "profile/portrait_get", get).ErrorCode, 40004)
}

// Not parallel: the clock is one for all apps.
func TestAFaultAndTimeThatPasses(t *testing.T) {
	app := portraitdtest.NewApp(t)
	app.AddFault(portraitdtest.Fault{Command: "portrait_get", Next: 1, Code: 60007})
	expect(t, call(t, app, "profile/portrait_get", get).ErrorCode, 60007)
	expect(t, call(t, app, "profile/portrait_get", get).ErrorCode, 0)
	app.Advance(181 * 24 * time.Hour)
	expect(t, call(t, app, "profile/portrait_get", get).ErrorCode, 70001)
	expect(t, callAs(t, app, app.Admin, app.Sign(app.Admin), "profile/portrait_get", get).ErrorCode, 0)
}

func TestWebhooks(t *testing.T) {
	t.Parallel()
	app := portraitdtest.NewApp(t, portraitdtest.Options{Webhook: true})
	items := []map[string]string{{"Tag": nick, "Value": "A"}}
	call(t, app, "profile/portrait_set", map[string]any{"From_Account": "alice", "ProfileItem": items})
	calls := app.Webhooks(1, 5*time.Second)
	expect(t, len(calls), 1)
	expect(t, calls[0].User, "alice")
}

func fails(t *testing.T, err error, part string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), part) {
		t.Fatalf("%v does not hold %q", err, part)
	}
}

func TestStartAndReuse(t *testing.T) {
	t.Setenv("PORTRAITD_URL", "")
	own, err := portraitdtest.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Run("app", func(t *testing.T) { expect(t, own.NewApp(t).URL, own.URL) })
	t.Setenv("PORTRAITD_URL", own.URL)
	reused, err := portraitdtest.Start()
	if err != nil {
		t.Fatal(err)
	}
	expect(t, reused.URL, own.URL)
	reused.Stop()
	if err := own.Control("GET", "/clock", nil, nil); err != nil {
		t.Fatal(err)
	}
	own.Stop()
	fails(t, reused.Control("GET", "/clock", nil, nil), "which PORTRAITD_URL names")
	fails(t, own.Control("GET", "/clock", nil, nil), "has ended, exit status 0")
	_, err = portraitdtest.Start()
	fails(t, err, "no portraitd emulator answers at "+own.URL)
}

func TestAnEmulatorThatWasNotFound(t *testing.T) {
	t.Setenv("PORTRAITD_URL", "")
	t.Setenv("PORTRAITD_BINARY", "/nothing")
	_, err := portraitdtest.Start()
	fails(t, err, "PORTRAITD_BINARY is /nothing, and that is no program. Install it")
	t.Setenv("PORTRAITD_BINARY", "")
	t.Setenv("PATH", t.TempDir())
	_, err = portraitdtest.Start()
	fails(t, err, "the program portraitd was not found. Install it")
}

// This test binary, run once more, starts an emulator of its own and is killed.
func TestItEndsWithATestBinaryThatIsKilled(t *testing.T) {
	if os.Getenv("PORTRAITDTEST_CHILD") != "" {
		emulator, err := portraitdtest.Start()
		fmt.Println(emulator.URL, err)
		time.Sleep(time.Minute)
	}
	child := exec.Command(os.Args[0], "-test.run=^TestItEndsWithATestBinaryThatIsKilled$")
	child.Env = append(os.Environ(), "PORTRAITDTEST_CHILD=1", "PORTRAITD_URL=")
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var address, failure string
	if _, err := fmt.Fscan(stdout, &address, &failure); err != nil || failure != "<nil>" {
		t.Fatal(address, failure, err)
	}
	t.Setenv("PORTRAITD_URL", address)
	emulator, err := portraitdtest.Start()
	if err != nil {
		t.Fatal(err)
	}
	child.Process.Kill()
	child.Wait()
	for tries := 0; emulator.Control("GET", "/clock", nil, nil) == nil; tries++ {
		if tries == 100 {
			t.Fatal("the emulator goes on")
		}
		time.Sleep(100 * time.Millisecond)
	}
}
