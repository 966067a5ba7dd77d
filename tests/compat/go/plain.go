// Follows a JSON stream by server-sent events, with nothing but Go itself.
//
// Usage: go run plain.go URL
//
// Prints the array of each event until the stream is closed; goes on behind the last one where a
// connection ends.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

// What a control event says of the reader's place.
type control struct {
	StreamNextOffset string
	StreamClosed     bool
}

func main() {
	place := control{StreamNextOffset: "-1"}
	for !place.StreamClosed {
		url := os.Args[1] + "?live=sse&offset=" + place.StreamNextOffset
		response, err := http.Get(url)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		read(response.Body, &place)
		response.Body.Close()
	}
}

// Reads until the connection ends, or is cut: the next one begins behind what has come.
func read(body io.Reader, place *control) {
	lines := bufio.NewReader(body)
	kind, data := "message", []string{}
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case field == "event":
			kind = value
		case field == "data":
			data = append(data, value)
		case line == "":
			if kind == "data" {
				fmt.Println(strings.Join(data, ""))
			} else if kind == "control" {
				json.Unmarshal([]byte(strings.Join(data, "\n")), place)
			}
			kind, data = "message", nil
		}
	}
}
