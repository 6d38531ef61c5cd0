// go run stacks.go STACK URL: posts $BODY and prints the answer, as programs do that know nothing of portraitd.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

func main() {
	stack, url := os.Args[1], os.Args[2]
	client := &http.Client{Timeout: 10 * time.Second}
	if stack == "no-proxy" {
		// A transport of one's own has no proxy unless it is given one.
		client.Transport = &http.Transport{}
	}
	answer, err := client.Post(url, "application/json", strings.NewReader(os.Getenv("BODY")))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(string(text))
}
