package portraitdtest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"
)

// The emulator reads nothing from standard input; the shell beside it does, and ends it when this process is gone, also
// after SIGKILL: then the pipe's other end is closed.
const guard = `exec 3<&0; "$@" </dev/null 3<&- & p=$!; { read -r _ <&3; kill $p; } >/dev/null 2>&1 & ` +
	`exec 3<&-; wait $p; s=$?; kill $! 2>/dev/null; exit $s`

const (
	startLimit = 20 * time.Second
	install    = "Install it from a checkout of portraitd (cargo install --locked --path crates/portraitd) so that PATH has it, " +
		"or name the program in PORTRAITD_BINARY, or name a running emulator in PORTRAITD_URL."
)

// Without a proxy: neither HTTP_PROXY nor HTTPS_PROXY is for the control API.
var client = &http.Client{Timeout: time.Minute, Transport: &http.Transport{}}

// Emulator is a portraitd emulator (portraitd dev).
type Emulator struct {
	URL string

	token  string
	ended  chan struct{} // nil when it was running before
	stdin  io.Closer
	stderr *os.File
	end    error
}

var sharedEmulator struct {
	once     sync.Once
	emulator *Emulator
	err      error
}

func shared() (*Emulator, error) {
	s := &sharedEmulator
	s.once.Do(func() { s.emulator, s.err = Start() })
	return s.emulator, s.err
}

// Start reuses the emulator at PORTRAITD_URL (with PORTRAITD_ADMIN_TOKEN if it is on another machine), or starts one on free
// ports. NewApp calls it once for the test binary.
func Start() (*Emulator, error) {
	if running := os.Getenv("PORTRAITD_URL"); running != "" {
		emulator := &Emulator{URL: strings.TrimRight(running, "/"), token: os.Getenv("PORTRAITD_ADMIN_TOKEN")}
		return emulator, emulator.Control("GET", "/clock", nil, nil)
	}
	command, err := command()
	if err != nil {
		return nil, err
	}
	stdin, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	// Not StdoutPipe, which Wait would close under the reader.
	stdout, writer, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer writer.Close()
	stderr, err := os.CreateTemp("", "portraitd-")
	if err != nil {
		return nil, err
	}
	os.Remove(stderr.Name()) // where that works, the file is gone with its last handle
	command.Stdout, command.Stderr = writer, stderr
	if err := command.Start(); err != nil {
		return nil, err
	}
	emulator := &Emulator{ended: make(chan struct{}), stdin: stdin, stderr: stderr}
	go func() {
		emulator.end = command.Wait()
		close(emulator.ended)
	}()
	said, err := firstLine(stdout)
	var ready struct {
		URL        string
		AdminToken string `json:"admin_token"`
	}
	if err != nil || json.Unmarshal(said, &ready) != nil {
		emulator.Stop()
		return nil, fmt.Errorf("`portraitd dev` did not start: %s", emulator.said())
	}
	emulator.URL, emulator.token = ready.URL, ready.AdminToken
	return emulator, nil
}

func command() (*exec.Cmd, error) {
	binary := os.Getenv("PORTRAITD_BINARY")
	if binary == "" {
		binary = "portraitd"
	}
	path, err := exec.LookPath(binary)
	switch {
	case err != nil && binary == "portraitd":
		return nil, errors.New("the program portraitd was not found. " + install)
	case err != nil:
		return nil, fmt.Errorf("PORTRAITD_BINARY is %s, and that is no program. %s", binary, install)
	}
	arguments := []string{path, "dev", "--json", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"}
	if runtime.GOOS != "windows" {
		arguments = append([]string{"sh", "-c", guard, "sh"}, arguments...)
	}
	command := exec.Command(arguments[0], arguments[1:]...)
	for _, variable := range os.Environ() {
		// PORTRAITD_SERVER_DATA, for one, would have it keep its data, and there are no throw-away apps then.
		if !strings.HasPrefix(variable, "PORTRAITD_SERVER_") {
			command.Env = append(command.Env, variable)
		}
	}
	return command, nil
}

func firstLine(stdout io.ReadCloser) ([]byte, error) {
	lines := make(chan []byte, 1)
	go func() {
		reader := bufio.NewReader(stdout)
		line, _ := reader.ReadBytes('\n')
		lines <- line
		io.Copy(io.Discard, reader) // so that the emulator never waits for a full pipe
		stdout.Close()
	}()
	select {
	case line := <-lines:
		return line, nil
	case <-time.After(startLimit):
		return nil, errors.New("too late")
	}
}

// Control calls the control API, below /_portraitd. body and answer are JSON, or nil.
func (e *Emulator) Control(method, path string, body, answer any) error {
	encoded, err := json.Marshal(body)
	if err != nil {
		return err
	}
	if body == nil {
		encoded = nil
	}
	request, err := http.NewRequest(method, e.URL+"/_portraitd"+path, bytes.NewReader(encoded))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	if e.token != "" {
		request.Header.Set("Authorization", "Bearer "+e.token)
	}
	response, err := client.Do(request)
	if err != nil {
		return e.gone(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return e.gone(err)
	case response.StatusCode >= 400:
		return fmt.Errorf("%s %s was refused: %d %s", method, request.URL, response.StatusCode, text)
	case len(text) > 0 && !json.Valid(text):
		return fmt.Errorf("%s is no portraitd emulator: %.100s", request.URL, text)
	case answer == nil:
		return nil
	}
	return json.Unmarshal(text, answer)
}

// Stop ends the emulator if Start started it; a reused one goes on. Without Stop it ends with this process.
func (e *Emulator) Stop() {
	if e.ended == nil {
		return
	}
	e.stdin.Close()
	<-e.ended
}

func (e *Emulator) gone(why error) error {
	if e.ended == nil {
		return fmt.Errorf("no portraitd emulator answers at %s, which PORTRAITD_URL names: %w. Start it (portraitd dev), "+
			"or unset PORTRAITD_URL to have one started for the tests", e.URL, why)
	}
	select {
	case <-e.ended:
		return fmt.Errorf("the portraitd emulator at %s has ended, %s", e.URL, e.said())
	case <-time.After(time.Second):
		return fmt.Errorf("the portraitd emulator at %s runs, but does not answer: %w", e.URL, why)
	}
}

// said is how an emulator ended, and the end of what it said.
func (e *Emulator) said() string {
	how := "exit status 0"
	if e.end != nil {
		how = e.end.Error()
	}
	e.stderr.Seek(0, io.SeekStart)
	text, _ := io.ReadAll(e.stderr)
	if len(text) > 2000 {
		text = text[len(text)-2000:]
	}
	if said := strings.TrimSpace(string(text)); said != "" {
		return how + ": " + said
	}
	return how + ", and it printed nothing"
}
