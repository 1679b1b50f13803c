package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
)

const (
	nameValue = `[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}`
	nameWords = "letters, digits, '.', '_' and '-' inside"
	pathValue = `[^\x00-\x1f\x7f-\x9f\x{2028}\x{2029}"\\]`
)

// form is what an option's value may be, as a regular expression and in words.
type form struct {
	pattern *regexp.Regexp
	allowed string
}

// forms are those of ssh_config(5) and known_hosts that writeConfig needs. A line break begins
// another option, a blank another value, a quote or a backslash joins them again, a dash is an
// option of the next ssh(1): none of them gets in. The Python half is guesthouse/ssh_config.py.
var forms = map[string]form{
	"Host":     {whole(nameValue), nameWords},
	"User":     {whole(nameValue), nameWords},
	"HostName": {whole(`[A-Za-z0-9_:][A-Za-z0-9_.:-]{0,252}`), "a host name, or an IP address without scope"},
	"Port": {
		whole(`[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]`),
		"a number from 1 to 65535",
	},
	"IdentityFile": {whole(pathValue + "+"), `a path without control characters, '"' and '\'`},
	"host key":     {whole(`[a-z][a-z0-9@.-]{0,63} [A-Za-z0-9+/=]+`), "'type base64'"},
}

func whole(pattern string) *regexp.Regexp { return regexp.MustCompile(`\A(?:` + pattern + `)\z`) }

// configValue is the value of an option, or an error.
func configValue(option, value string) (string, error) {
	wanted := forms[option]
	if wanted.pattern.MatchString(value) && !strings.HasPrefix(value, "-") {
		return value, nil
	}
	what := fmt.Sprintf("the uri has a value for %s that cannot be written into an ssh configuration, got %+.60q, "+
		"allowed %s", option, value, wanted.allowed)
	return "", problem("libvirt provider", what, "mend it in the site file: address, port, user, "+
		"identity_file, host_keys or name")
}

// configPath is a path as one quoted word, where a percent sign begins a token.
func configPath(path string) (string, error) {
	checked, err := configValue("IdentityFile", path)
	return `"` + strings.ReplaceAll(checked, "%", "%%") + `"`, err
}

// configText is an ssh_config(5) of what the uri says; keys is the path of knownHosts' text.
func configText(h *host, keys string) (string, error) {
	text := ""
	for _, line := range [][2]string{
		{"Host", h.sshName},
		{"HostName", h.address.Hostname()},
		{"User", h.address.User.Username()},
		{"Port", h.address.Port()},
	} {
		if line[0] == "Port" && line[1] == "" {
			continue
		}
		value, err := configValue(line[0], line[1])
		if err != nil {
			return "", err
		}
		text += line[0] + " " + value + "\n"
	}
	known, err := configPath(keys)
	if err != nil {
		return "", err
	}
	text += fmt.Sprintf("HostKeyAlias %s\nStrictHostKeyChecking yes\nUserKnownHostsFile %s\n"+
		"GlobalKnownHostsFile /dev/null\n", h.sshName, known)
	if h.identity == "" {
		return text, nil
	}
	identity, err := configPath(os.ExpandEnv(h.identity))
	return text + fmt.Sprintf("IdentityFile %s\nIdentitiesOnly yes\n", identity), err
}

// knownHosts are the only host keys that are accepted, one a line.
func knownHosts(h *host) (string, error) {
	name, err := configValue("Host", h.sshName)
	text := ""
	for _, line := range h.hostKeys {
		key, wrong := configValue("host key", line)
		if wrong != nil {
			return "", wrong
		}
		text += name + " " + key + "\n"
	}
	return text, err
}
