// Command schema reduces the OpenAPI document that kyaml carries (Kubernetes 1.21.2 and the Kustomization API) to
// what a strategic merge and the choice of a namespace ask of it, in the text format that
// kustomize/src/openapi/builtin.rs reads and describes:
//
//	cd kustomize/schema && GOFLAGS=-mod=mod go run . > ../src/openapi/kubernetes-1.21.2.txt
package main

import (
	"bufio"
	"fmt"
	"log"
	"os"
	"sort"
	"strings"

	openapi_v2 "github.com/google/gnostic-models/openapiv2"
	"google.golang.org/protobuf/proto"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"sigs.k8s.io/kustomize/kyaml/openapi"
	"sigs.k8s.io/kustomize/kyaml/openapi/kubernetesapi"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

func main() {
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	fmt.Fprintf(out, "# OpenAPI of Kubernetes %s as kyaml v0.21.1 carries it, reduced by kustomize/schema/main.go.\n",
		kubernetesapi.DefaultOpenAPI)
	writeScopes(out)
	definitions := openapi.Schema().Definitions
	for _, name := range sortedKeys(definitions) {
		writeDefinition(out, name, definitions[name])
	}
}

// writeScopes lists the types whose scope kyaml knows: `n` namespaced, `c` cluster.
func writeScopes(out *bufio.Writer) {
	types := map[string]yaml.TypeMeta{}
	for _, path := range paths() {
		add(types, path.Get)
	}
	for _, definition := range openapi.Schema().Definitions {
		for _, t := range typesOf(definition.Extensions) {
			types[t.APIVersion+","+t.Kind] = t
		}
	}
	for _, key := range sortedKeys(types) {
		namespaced, known := openapi.IsNamespaceScoped(types[key])
		switch {
		case known && namespaced:
			fmt.Fprintf(out, "n %s\n", key)
		case known:
			fmt.Fprintf(out, "c %s\n", key)
		}
	}
}

func add(types map[string]yaml.TypeMeta, operation *spec.Operation) {
	if operation == nil {
		return
	}
	for _, t := range typesOf(operation.Extensions) {
		types[t.APIVersion+","+t.Kind] = t
	}
}

func paths() map[string]spec.PathItem {
	raw := kubernetesapi.OpenAPIMustAsset[kubernetesapi.DefaultOpenAPI](
		"kubernetesapi/" + strings.ReplaceAll(kubernetesapi.DefaultOpenAPI, ".", "_") + "/swagger.pb")
	doc := &openapi_v2.Document{}
	if err := proto.Unmarshal(raw, doc); err != nil {
		log.Fatal(err)
	}
	var swagger spec.Swagger
	if _, err := swagger.FromGnostic(doc); err != nil {
		log.Fatal(err)
	}
	return swagger.Paths.Paths
}

func typesOf(extensions spec.Extensions) (result []yaml.TypeMeta) {
	value := extensions["x-kubernetes-group-version-kind"]
	list, ok := value.([]interface{})
	if !ok {
		list = []interface{}{value}
	}
	for _, item := range list {
		m, ok := item.(map[string]interface{})
		if !ok {
			continue
		}
		version := m["version"].(string)
		if group, _ := m["group"].(string); group != "" {
			version = group + "/" + version
		}
		result = append(result, yaml.TypeMeta{APIVersion: version, Kind: m["kind"].(string)})
	}
	return result
}

func writeDefinition(out *bufio.Writer, name string, definition spec.Schema) {
	fmt.Fprintf(out, "=%s", short(name))
	for _, t := range typesOf(definition.Extensions) {
		fmt.Fprintf(out, " %s,%s", t.APIVersion, t.Kind)
	}
	fmt.Fprintln(out)
	if own := expression(definition); own != "." {
		log.Fatalf("%s is no object: %s", name, own)
	}
	for _, field := range sortedKeys(definition.Properties) {
		fmt.Fprintf(out, "%s %s\n", field, expression(definition.Properties[field]))
	}
}

// expression writes the type of a field: `.` nothing below, `>name` a reference, `{T` a map of T, `[T` a list of T,
// `[@keys T` a list that merges by these keys (none: a list of scalars that merges).
func expression(schema spec.Schema) string {
	switch {
	case schema.Ref.String() != "":
		return ">" + short(strings.TrimPrefix(schema.Ref.String(), "#/definitions/"))
	case schema.AdditionalProperties != nil && schema.AdditionalProperties.Schema != nil:
		return "{" + expression(*schema.AdditionalProperties.Schema)
	case len(schema.Type) == 1 && schema.Type[0] == "array" && schema.Items != nil && schema.Items.Schema != nil:
		return "[" + mergeKeys(schema) + expression(*schema.Items.Schema)
	default:
		return "."
	}
}

func mergeKeys(schema spec.Schema) string {
	resource := openapi.ResourceSchema{Schema: &schema}
	strategy, keys := resource.PatchStrategyAndKeyList()
	for _, s := range strings.Split(strategy, ",") {
		if s == "merge" {
			return "@" + strings.Join(keys, ",") + " "
		}
	}
	return ""
}

// short drops the prefix that all names share.
func short(name string) string {
	return strings.TrimPrefix(name, "io.k8s.")
}

func sortedKeys[T any](m map[string]T) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}
