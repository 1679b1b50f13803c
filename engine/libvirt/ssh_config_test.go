package main

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const plainURI = "qemu+ssh://root@192.0.2.7:22/system"

// hostOf is a host of a uri whose parts are as given, which a uri has no way to be wrong in.
func hostOf(t *testing.T, field, value string) *host {
	t.Helper()
	query := url.Values{sshNameKey: {"hv"}, hostKeyKey: {"ssh-ed25519 AAAA"}, identityKey: {"/k/id"}}
	h, err := newHost(plainURI + "?" + query.Encode())
	must(t, err)
	switch field {
	case "Host":
		h.sshName = value
	case "HostName":
		// In brackets: what is taken out of it again is all of it, but a port's colon.
		h.address.Host = "[" + value + "]:22"
	case "User":
		h.address.User = url.User(value)
	case "IdentityFile":
		h.identity = value
	case "host key":
		h.hostKeys = []string{value}
	}
	return h
}

// attacks by name; CANARY is a file that a command of theirs makes.
func attacks() []string {
	found := []string{
		`x\'$(touch${IFS}CANARY)\'`, "x'$(touch CANARY)'\n", "10.9.9.9\n", "\n10.9.9.9",
		"10.9.9.9\x00", "10.9.9.9\x1b[2J", "10.9.9.9\x7f", "10.9.9.9\u2028ProxyCommand touch CANARY",
		`10.9.9.9"`, `"10.9.9.9"`, `"10.9.9.9`, `10.9.9.9\`, "-oProxyCommand=touch${IFS}CANARY",
		"-f/etc/shadow", "-", "10.9.9.9\rProxyCommand touch CANARY", "10.9.9.9\vx", "10.9.9.9\tx",
	}
	for _, begin := range []string{"\n", "\r\n", "\n\n", "\n  ", "\n\t"} {
		for _, option := range []string{
			"ProxyCommand sh -c 'touch CANARY'", "ProxyCommand=touch CANARY", `Match exec "touch CANARY"`,
			"Match host * exec 'touch CANARY'", "KnownHostsCommand /usr/bin/touch CANARY",
			"Host *\n  ProxyCommand touch CANARY", "StrictHostKeyChecking no", "Include CANARY",
		} {
			found = append(found, "10.9.9.9"+begin+option)
		}
	}
	return found
}

// words are wrong in one word only: a path may have them, as it is quoted.
var words = []string{
	"$(touch${IFS}CANARY)", "`touch${IFS}CANARY`", "10.9.9.9;touch${IFS}CANARY", "10.9.9.9 10.9.9.8",
	"10.9.9.9&touch${IFS}CANARY", "10.9.9.9|x", "10.9.9.9>CANARY", "10.9.9.9 # rest", "fe80::1%eth0",
	"fe80::1%$(touch${IFS}CANARY)", "%h", "*", "!h1", "h1,*", "10.9.9.9/24", "root@10.9.9.9",
	"\u0430.example", "10.9.9.9\u00a0x",
}

var fields = []string{"Host", "HostName", "User", "IdentityFile", "host key"}

func TestEveryAttackOnTheSshConfigIsRefused(t *testing.T) {
	if count := len(attacks()) + len(words); count < 75 {
		t.Fatalf("only %d attacks", count)
	}
	for _, field := range fields {
		tried := attacks()
		if field != "IdentityFile" {
			tried = append(tried, append(words, "")...)
		}
		for _, attack := range tried {
			folder := t.TempDir()
			canary := filepath.Join(folder, "canary")
			h := hostOf(t, field, strings.ReplaceAll(attack, "CANARY", canary))
			config, err := writeConfig(folder, h)
			if err == nil {
				t.Errorf("%s: %q was written", field, attack)
				// What it says is of no interest; what it does is.
				_ = exec.Command("ssh", "-G", "-F", config, "--", "hv").Run()
			} else if !strings.HasPrefix(err.Error(), "libvirt provider: the uri has a value for "+field+" that cannot be ") ||
				!strings.Contains(err.Error(), "\n  hint: mend it in the site file: ") {
				t.Errorf("%s: %q gave %v", field, attack, err)
			}
			if _, err := os.Stat(canary); err == nil {
				t.Errorf("%s: %q ran a command", field, attack)
			}
		}
	}
}

func TestHarmlessValuesAreWhatSshReads(t *testing.T) {
	for _, one := range []struct{ field, option, value string }{
		{"HostName", "hostname", "10.9.9.9"},
		{"HostName", "hostname", "2001:db8::9"},
		{"HostName", "hostname", "h1.example.org"},
		{"Host", "hostkeyalias", "a-b.c_d"},
		{"User", "user", "some_user"},
		{"IdentityFile", "identityfile", "/k/with blanks"},
		{"IdentityFile", "identityfile", "/k/it's"},
		{"IdentityFile", "identityfile", "/k/$(id);#=,*"},
		{"host key", "user", "root"},
	} {
		value := one.value
		if one.field == "host key" {
			value = "sk-ssh-ed25519@openssh.com AAAA+/=="
		}
		h := hostOf(t, one.field, value)
		config, err := writeConfig(t.TempDir(), h)
		must(t, err)
		text, err := exec.Command("ssh", "-G", "-F", config, "--", h.sshName).Output()
		must(t, err)
		if !strings.Contains(string(text), "\n"+one.option+" "+one.value+"\n") {
			t.Errorf("ssh does not read %s %q", one.option, one.value)
		}
		if strings.Contains(string(text), "proxycommand") {
			t.Errorf("%q changed another option", one.value)
		}
	}
}

func TestAPathOfTheEnvironmentIsCheckedToo(t *testing.T) {
	t.Setenv("GUESTHOUSE_TEST_KEY", "/k/id\nProxyCommand touch x")
	h := hostOf(t, "IdentityFile", "${GUESTHOUSE_TEST_KEY}")
	_, err := writeConfig(t.TempDir(), h)
	wantError(t, err, "libvirt provider: the uri has a value for IdentityFile that cannot be written into an ssh "+
		"configuration, got \"/k/id\\nProxyCommand touch x\", allowed a path without control "+
		"characters, '\"' and '\\'\n  hint: mend it in the site file: address, port, user, "+
		"identity_file, host_keys or name")
}

func TestANameThatIsAnOptionIsRefusedAtOnce(t *testing.T) {
	query := url.Values{sshNameKey: {"-oProxyCommand=x"}, hostKeyKey: {"ssh-ed25519 AAAA"}}
	if _, err := newHost(plainURI + "?" + query.Encode()); err == nil {
		t.Fatal("taken")
	}
	_, err := newHost("qemu+ssh://root@192.0.2.7:65536/system?" + sshNameKey + "=hv&" + hostKeyKey +
		"=ssh-ed25519+AAAA")
	must(t, err)
}
