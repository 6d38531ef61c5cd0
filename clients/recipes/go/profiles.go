// Package profiles has what a back end needs of Tencent Cloud IM's REST API. Nothing here knows of portraitd.
package profiles

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand"
	"net/http"
	"net/url"
)

// Cloud is the API's address in production.
const Cloud = "https://console.tim.qq.com"

// Client calls the API as an App admin.
type Client struct {
	URL, SDKAppID, Admin, UserSig string
}

// Item is one field of a profile.
type Item struct {
	Tag   string
	Value any
}

// Error is an answer other than OK.
type Error struct {
	ErrorCode               int
	ErrorInfo, ErrorDisplay string
}

func (e *Error) Error() string {
	return fmt.Sprintf("%d %s %s", e.ErrorCode, e.ErrorInfo, e.ErrorDisplay)
}

func (c Client) call(path string, body, answer any) error {
	query := url.Values{
		"sdkappid": {c.SDKAppID}, "identifier": {c.Admin}, "usersig": {c.UserSig},
		"random": {fmt.Sprint(rand.Uint32())}, "contenttype": {"json"},
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		return err
	}
	response, err := http.Post(c.URL+"/v4/"+path+"?"+query.Encode(), "application/json", bytes.NewReader(encoded))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(response.Body); err != nil {
		return err
	}
	var outcome Error
	if err := json.Unmarshal(text.Bytes(), &outcome); err != nil {
		return err
	}
	if outcome.ErrorCode != 0 {
		return &outcome
	}
	return json.Unmarshal(text.Bytes(), answer)
}

// Add imports an account.
func (c Client) Add(user string) error {
	return c.call("im_open_login_svc/account_import", map[string]string{"UserID": user}, &struct{}{})
}

// Set changes fields of a user's profile.
func (c Client) Set(user string, items ...Item) error {
	return c.call("profile/portrait_set", map[string]any{"From_Account": user, "ProfileItem": items}, &struct{}{})
}

// Get reads fields of a user's profile.
func (c Client) Get(user string, tags ...string) ([]Item, error) {
	var answer struct{ UserProfileItem []struct{ ProfileItem []Item } }
	body := map[string]any{"To_Account": []string{user}, "TagList": tags}
	if err := c.call("profile/portrait_get", body, &answer); err != nil {
		return nil, err
	}
	return answer.UserProfileItem[0].ProfileItem, nil
}
