// The oracle of the YAML tests: what Go's libraries make of a corpus of tricky texts and values.
//
//	cd testdata/yaml/oracle && go run . ..
//
// writes reading.json and writing.json into the directory that is named; yaml/tests/oracle.rs compares.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	v3 "go.yaml.in/yaml/v3"
	sigs "sigs.k8s.io/yaml"
)

type outcome struct {
	OK    json.RawMessage `json:"ok,omitempty"`
	Error string          `json:"error,omitempty"`
}

func result(ok []byte, err error) outcome {
	if err != nil {
		return outcome{Error: err.Error()}
	}
	return outcome{OK: ok}
}

// kyaml reads as RNode.MarshalJSON does.
func kyaml(text string) outcome {
	var node v3.Node
	if err := v3.Unmarshal([]byte(text), &node); err != nil {
		return outcome{Error: err.Error()}
	}
	if len(node.Content) == 1 && node.Content[0].Kind == v3.MappingNode {
		m := map[string]interface{}{}
		if err := v3.Unmarshal([]byte(text), &m); err != nil {
			return outcome{Error: err.Error()}
		}
		return result(json.Marshal(m))
	}
	var v interface{}
	if err := v3.Unmarshal([]byte(text), &v); err != nil {
		return outcome{Error: err.Error()}
	}
	return result(json.Marshal(v))
}

type reading struct {
	Text  string  `json:"text"`
	Sigs  outcome `json:"sigs"`
	Kyaml outcome `json:"kyaml"`
}

type writing struct {
	Value json.RawMessage `json:"value"`
	YAML  string          `json:"yaml"`
}

func lines[T any](path string, cases []T) {
	var out bytes.Buffer
	out.WriteString("[\n")
	for i, c := range cases {
		line, err := json.Marshal(c)
		if err != nil {
			panic(fmt.Sprintf("%+v: %v", c, err))
		}
		out.Write(line)
		if i < len(cases)-1 {
			out.WriteByte(',')
		}
		out.WriteByte('\n')
	}
	out.WriteString("]\n")
	if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
		panic(err)
	}
}

func main() {
	dir := os.Args[1]
	var readings []reading
	for _, text := range texts() {
		readings = append(readings, reading{text, result(sigs.YAMLToJSON([]byte(text))), kyaml(text)})
	}
	lines(filepath.Join(dir, "reading.json"), readings)
	var writings []writing
	for _, value := range values() {
		raw, err := json.Marshal(value)
		if err != nil {
			panic(err)
		}
		yaml, err := sigs.Marshal(value)
		if err != nil {
			fmt.Fprintf(os.Stderr, "left out, Go refuses to write it: %q: %v\n", value, err)
			continue
		}
		writings = append(writings, writing{raw, string(yaml)})
	}
	lines(filepath.Join(dir, "writing.json"), writings)
	fmt.Printf("%d texts, %d values\n", len(readings), len(writings))
}
