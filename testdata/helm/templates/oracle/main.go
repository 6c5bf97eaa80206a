// Executes templates with Go's own text/template: JSON lines in, JSON lines out. Run it with `go run main.go`.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"text/template"
)

type input struct {
	ID       string         `json:"id"`
	Template string         `json:"template"`
	Values   map[string]any `json:"values"`
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 1<<20), 1<<24)
	answers := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var c input
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			panic(err)
		}
		answer := map[string]any{"id": c.ID}
		if output, err := execute(c); err != nil {
			answer["error"] = err.Error()
		} else {
			answer["output"] = output
		}
		if err := answers.Encode(answer); err != nil {
			panic(err)
		}
	}
}

func dict(pairs ...any) map[string]any {
	d := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		d[fmt.Sprint(pairs[i])] = ""
		if i+1 < len(pairs) {
			d[fmt.Sprint(pairs[i])] = pairs[i+1]
		}
	}
	return d
}

func execute(c input) (string, error) {
	t := template.New("gotpl").Option("missingkey=zero")
	t.Funcs(template.FuncMap{
		"list": func(items ...any) []any { return items },
		"dict": dict,
		"include": func(name string, data any) (string, error) {
			var b strings.Builder
			err := t.ExecuteTemplate(&b, name, data)
			return b.String(), err
		},
	})
	if _, err := t.New("demo/templates/t.yaml").Parse(c.Template); err != nil {
		return "", err
	}
	var b strings.Builder
	err := t.ExecuteTemplate(&b, "demo/templates/t.yaml", map[string]any{"Values": c.Values})
	return strings.ReplaceAll(b.String(), "<no value>", ""), err
}
