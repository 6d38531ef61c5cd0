// A call with Go's standard library.

import { INVISIBLE, VARIABLE, quoted, unicodeEscape } from './call.js';

/** A raw string, in which nothing is escaped, joined to interpreted ones for what it can't hold. @param {string} text */
const raw = (text) =>
  text.split(new RegExp(`((?:\`|${INVISIBLE.source})+)`)).filter((part) => part !== '')
    .map((part) => (part.includes('\x60') || part.search(INVISIBLE) >= 0 ? quoted(part) : `\`${part}\``)).join(' + ') || '""';

/** @type {import('./call.js').Snippet} */
export const go = {
  id: 'go',
  title: 'Go',
  file: 'call.go',
  run: 'go run call.go',
  write(call) {
    const value = call.environment ? `os.Getenv("${VARIABLE}")` : quoted(call.usersig ?? '');
    const usersig = call.usersig === null ? '' : `\n\t\t"usersig":     {${value}},`;
    return `package main

import (
	"fmt"
	"io"
	"log"
	"math/rand"
	"net/http"
	"net/url"
${call.usersig !== null && call.environment ? '\t"os"\n' : ''}	"strconv"
	"strings"
	"time"
)

func main() {
	query := url.Values{
		"sdkappid":    {"${call.app}"},
		"identifier":  {${quoted(call.identifier)}},${usersig}
		"random":      {strconv.FormatUint(uint64(rand.Uint32()), 10)},
		"contenttype": {"json"},
	}
	body := ${raw(call.body)}

	client := http.Client{Timeout: 10 * time.Second}
	answer, err := client.Post(${quoted(`${call.server}${call.path}?`)}+query.Encode(), "application/json", strings.NewReader(body))
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(text))
}
`;
  },
};
