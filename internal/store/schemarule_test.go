package store

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"
)

// ruleFrom is the first change of the tables that is held to the rule of
// docs/decisions/0016: those before it were made before there was a release.
const ruleFrom = "00017"

var (
	comment   = regexp.MustCompile(`--[^\n]*`)
	taken     = regexp.MustCompile(`(?i)\b(DROP\s+(TABLE|COLUMN|INDEX)|RENAME|ALTER\s+COLUMN|TRUNCATE|SET\s+NOT\s+NULL|ADD\s+(CONSTRAINT|UNIQUE|CHECK))\b`)
	addColumn = regexp.MustCompile(`(?i)\bADD\s+COLUMN\b`)
	notNull   = regexp.MustCompile(`(?i)\bNOT\s+NULL\b`)
	byDefault = regexp.MustCompile(`(?i)\bDEFAULT\b`)
)

// broken says what a version that does not know a change would stumble over.
func broken(text string) (list []string) {
	for _, statement := range strings.Split(comment.ReplaceAllString(text, ""), ";") {
		if found := taken.FindString(statement); found != "" {
			list = append(list, found+": the version before may use it")
		}
		if addColumn.MatchString(statement) && notNull.MatchString(statement) && !byDefault.MatchString(statement) {
			list = append(list, "a column that must be written: the version before does not")
		}
	}
	return list
}

func TestTheVersionBeforeCanServeWithTheTablesOfEachChange(t *testing.T) {
	files, err := fs.Glob(schemaFiles, "schema/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		if strings.TrimPrefix(name, "schema/") < ruleFrom {
			continue
		}
		text, err := schemaFiles.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, wrong := range broken(string(text)) {
			t.Errorf("%s: %s (docs/decisions/0016)", name, wrong)
		}
	}
}

func TestTheRuleForTablesFindsWhatBreaksIt(t *testing.T) {
	for text, wrong := range map[string]bool{
		"CREATE TABLE a (b TEXT NOT NULL);":                                 false,
		"ALTER TABLE a ADD COLUMN b TEXT;":                                  false,
		"ALTER TABLE a ADD COLUMN b BIGINT NOT NULL DEFAULT 0;":             false,
		"-- DROP TABLE a\nCREATE INDEX c ON a (b);":                         false,
		"ALTER TABLE a ADD COLUMN b BIGINT NOT NULL;":                       true,
		"ALTER TABLE a DROP COLUMN b;":                                      true,
		"alter table a rename to c;":                                        true,
		"DROP TABLE a;":                                                     true,
		"ALTER TABLE a ALTER COLUMN b TYPE TEXT;":                           true,
		"CREATE TABLE a (b TEXT);\nALTER TABLE a ADD CONSTRAINT c CHECK(b)": true,
	} {
		if got := len(broken(text)) > 0; got != wrong {
			t.Errorf("%q breaks the rule: %t, not %t", text, got, wrong)
		}
	}
}
