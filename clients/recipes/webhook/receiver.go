// A receiver of Profile.CallbackPortraitSet that refuses what was not signed with the token.
// WEBHOOK_TOKEN holds the token, PORT the port.
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"
)

const (
	ageMax       = 5 * time.Minute
	bodyBytesMax = 1 << 20
)

var (
	token = os.Getenv("WEBHOOK_TOKEN")
	seen  sync.Map // a real back end keeps event ids where its data is, in the transaction that uses the event
)

func same(given, expected string) bool {
	return hmac.Equal([]byte(given), []byte(expected))
}

// refusal says why a call is not genuine; "" when it is.
func refusal(r *http.Request, body []byte) string {
	requestTime := r.URL.Query().Get("RequestTime")
	sum := sha256.Sum256([]byte(token + requestTime))
	if !same(r.URL.Query().Get("Sign"), hex.EncodeToString(sum[:])) {
		return "Sign is wrong"
	}
	seconds, err := strconv.ParseInt(requestTime, 10, 64)
	if age := time.Since(time.Unix(seconds, 0)); err != nil || age > ageMax || age < -ageMax {
		return "RequestTime is too far away"
	}
	// Sign does not cover the body; this does. The cloud does not send it: leave this check out where the cloud calls.
	stamp := r.Header.Get("x-portraitd-timestamp")
	mac := hmac.New(sha256.New, []byte(token))
	fmt.Fprintf(mac, "%s.%s", stamp, body)
	if !same(r.Header.Get("x-portraitd-signature"), "v1="+hex.EncodeToString(mac.Sum(nil))) {
		return "x-portraitd-signature is wrong"
	}
	if stamp != requestTime {
		return "x-portraitd-timestamp is not RequestTime"
	}
	return ""
}

func answer(w http.ResponseWriter, status, code int, info string) {
	result := map[bool]string{true: "OK", false: "FAIL"}[code == 0]
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{"ActionStatus": result, "ErrorCode": code, "ErrorInfo": info})
}

func receive(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyBytesMax))
	if err != nil {
		answer(w, http.StatusRequestEntityTooLarge, 1, err.Error())
		return
	}
	if why := refusal(r, body); why != "" {
		fmt.Println("refused:", why)
		answer(w, http.StatusForbidden, 1, why)
		return
	}
	var event struct{ From_Account string }
	if err := json.Unmarshal(body, &event); err != nil {
		answer(w, http.StatusBadRequest, 1, err.Error())
		return
	}
	what := "accepted"
	if _, again := seen.LoadOrStore(r.Header.Get("x-portraitd-event-id"), true); again {
		what = "repeated"
	}
	fmt.Println(what, event.From_Account)
	answer(w, http.StatusOK, 0, "")
}

func main() {
	if token == "" {
		log.Fatal("WEBHOOK_TOKEN is not set")
	}
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), http.HandlerFunc(receive)))
}
