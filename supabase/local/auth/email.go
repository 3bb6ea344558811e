package auth

import (
	"regexp"
	"strings"
)

// emailFormat is what HTML calls a valid e-mail address, as GoTrue's checker does. Source: html.spec.whatwg.org, valid e-mail address.
var emailFormat = regexp.MustCompile("^[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$")

// cleanEmail returns the address in the form in which it is stored: lower case.
func cleanEmail(email string) (string, error) {
	switch {
	case email == "":
		return "", badRequest(codeValidation, "An email address is required")
	case len(email) > 255:
		return "", badRequest(codeValidation, "An email address is too long")
	case !emailFormat.MatchString(email):
		return "", badRequest(codeValidation, "Unable to validate email address: invalid format")
	}
	return strings.ToLower(email), nil
}
