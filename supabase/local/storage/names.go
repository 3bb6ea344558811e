package storage

import (
	"regexp"
	"strings"
)

// Source: supabase/storage src/storage/limits.ts, isValidKey and isValidBucketName. \w is ASCII there and here, so "ä" is refused.
var (
	validKey    = regexp.MustCompile(`^[\w/!\-.*'() &$@=;:+,?]+$`)
	validBucket = regexp.MustCompile(`^[\w!\-.*'() &$@=;:+,?]+$`)
)

const (
	maxKeyLength    = 1024 // of S3
	maxBucketLength = 100  // of the table's trigger
)

// ValidKey says whether an object may be named so. On disk a name is only ever a hash, so "valid" is about what clients can rely on; still,
// segments that mean directories elsewhere are refused (the original leaves that to its backends).
func ValidKey(key string) bool {
	if len(key) > maxKeyLength || !validKey.MatchString(key) {
		return false
	}
	for segment := range strings.SplitSeq(key, "/") {
		if segment == "." || segment == ".." {
			return false
		}
	}
	return true
}

// ValidBucket says whether a bucket may be named so.
func ValidBucket(name string) bool {
	return len(name) <= maxBucketLength && validBucket.MatchString(name) && strings.TrimSpace(name) == name && name != "." && name != ".."
}

// emptyFolder is the name of the objects that Supabase's dashboard puts into a folder to make it exist. They have no bytes and any type.
const emptyFolder = ".emptyFolderPlaceholder"

func isEmptyFolder(key string) bool { return strings.HasSuffix(key, emptyFolder) }
