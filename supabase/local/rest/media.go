package rest

import (
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// media is how an answer is written.
type media struct {
	kind  string // json, object, csv, openapi
	strip bool   // leave out members that are null
	text  string // the Content-Type
}

var (
	mediaJSON    = media{kind: "json", text: "application/json; charset=utf-8"}
	mediaCSV     = media{kind: "csv", text: "text/csv; charset=utf-8"}
	mediaOpenAPI = media{kind: "openapi", text: "application/openapi+json; charset=utf-8"}
	mediaObject  = media{kind: "object", text: "application/vnd.pgrst.object+json; charset=utf-8"}
)

// negotiate picks the first of the accepted media types that there is, by quality and then by order. The document at the root has its own.
func negotiate(h http.Header, root bool) (media, *Error) {
	accepted := acceptedTypes(h.Values("Accept"))
	if len(accepted) == 0 {
		accepted = []acceptedType{{name: "*/*"}}
	}
	names := make([]string, len(accepted))
	for i, a := range accepted {
		names[i] = a.name
		m, found := a.media()
		switch {
		case !root && found:
			return m, nil
		case root && (a.name == "application/openapi+json" || m == mediaJSON):
			return mediaOpenAPI, nil
		}
	}
	return media{}, errMedia(names)
}

type acceptedType struct {
	name    string
	params  map[string]string
	quality float64
}

func acceptedTypes(lines []string) (types []acceptedType) {
	for _, line := range lines {
		for one := range strings.SplitSeq(line, ",") {
			name, params, err := mime.ParseMediaType(one)
			if err != nil {
				name = strings.TrimSpace(one)
			}
			if name == "" {
				continue
			}
			quality := 1.0
			if q, err := strconv.ParseFloat(params["q"], 64); err == nil {
				quality = q
			}
			types = append(types, acceptedType{name, params, quality})
		}
	}
	slices.SortStableFunc(types, func(a, b acceptedType) int {
		switch {
		case a.quality > b.quality:
			return -1
		case a.quality < b.quality:
			return 1
		}
		return 0
	})
	return types
}

func (a acceptedType) media() (media, bool) {
	strip := a.params["nulls"] == "stripped"
	switch a.name {
	case "application/json", "*/*", "application/*":
		return mediaJSON, true
	case "text/csv":
		return mediaCSV, true
	case "application/vnd.pgrst.object", "application/vnd.pgrst.object+json":
		m := mediaObject
		if m.strip = strip; strip {
			m.text = "application/vnd.pgrst.object+json; nulls=stripped; charset=utf-8"
		}
		return m, true
	case "application/vnd.pgrst.array", "application/vnd.pgrst.array+json":
		if !strip {
			return mediaJSON, true
		}
		return media{kind: "json", strip: true, text: "application/vnd.pgrst.array+json; nulls=stripped; charset=utf-8"}, true
	}
	return media{}, false
}
