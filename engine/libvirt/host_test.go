package main

import (
	"context"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	upstream "github.com/dmacvicar/terraform-provider-libvirt/libvirt"
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/schema"
	"github.com/hashicorp/terraform-plugin-sdk/v2/terraform"
)

const nobody = "qemu+unix:///system?socket=/nonexistent/socket"

func configured(provider *schema.Provider, uri string) error {
	config := terraform.NewResourceConfigRaw(values{"uri": uri})
	return failure(provider.Configure(context.Background(), config))
}

func TestProviderIsValid(t *testing.T) {
	must(t, mendedProvider().InternalValidate())
}

func TestConfigureContactsNobody(t *testing.T) {
	if configured(upstream.Provider(), nobody) == nil {
		t.Fatal("plain upstream is lazy now: the mend can go")
	}
	must(t, configured(mendedProvider(), nobody))
}

func TestUnreachableIsAnErrorAndNotGone(t *testing.T) {
	for _, class := range []string{"libvirt_pool", "libvirt_network", "libvirt_volume"} {
		b := mendedAt(t, class, nobody)
		d := b.data(values{"name": "x"})
		d.SetId("0d6f2bd8-3b5b-4d0a-9d8e-5a2b1f0c7e11")
		wantError(t, b.read(d), nobodyText())
		if d.Id() == "" {
			t.Errorf("%s: unreachable was taken for gone", class)
		}
	}
}

func nobodyText() string {
	return "qemu+unix:///system?socket=%2Fnonexistent%2Fsocket: libvirt does not answer: " +
		"dial unix /nonexistent/socket: connect: no such file or directory\n" +
		"  hint: check that the host is up and that libvirtd runs on it"
}

func TestOurParametersStayHere(t *testing.T) {
	h, err := newHost("qemu+ssh://h1/system?guesthouse_mark=a/b/c&guesthouse_ssh_config=/x/y" +
		"&guesthouse_ssh_name=h1&socket=/s")
	must(t, err)
	if got, want := h.address.String(), "qemu+ssh://h1/system?socket=%2Fs"; got != want {
		t.Errorf("uri for libvirt is %q, want %q", got, want)
	}
	if h.mark != "a/b/c" || h.sshConfig != "/x/y" || h.sshName != "h1" {
		t.Errorf("got mark %q, ssh_config %q, name %q", h.mark, h.sshConfig, h.sshName)
	}
}

func TestHalfATunnelIsRefused(t *testing.T) {
	_, err := newHost("qemu+ssh://h1/system?guesthouse_ssh_name=h1")
	wantError(t, err, "libvirt provider: uri has only one of guesthouse_ssh_config and "+
		"guesthouse_ssh_name\n  hint: give both: the ssh_config file and the host's alias in it")
}

// sshSetting asks ssh what the test's configuration says about its host (ssh -G).
func sshSetting(t *testing.T, name string) string {
	t.Helper()
	config := os.Getenv("GUESTHOUSE_TEST_SSH_CONFIG")
	text, err := exec.Command("ssh", "-G", "-F", config, testHost()).Output()
	must(t, err)
	for line := range strings.Lines(string(text)) {
		if value, found := strings.CutPrefix(line, name+" "); found {
			return strings.TrimSpace(value)
		}
	}
	t.Fatalf("ssh -G says nothing about %s", name)
	return ""
}

func testHost() string {
	if name := os.Getenv("GUESTHOUSE_TEST_SSH_NAME"); name != "" {
		return name
	}
	return "private"
}

func TestTunnelByAUriThatSaysItAll(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	t.Setenv("GUESTHOUSE_TEST_KEY", sshSetting(t, "identityfile"))
	known, err := os.ReadFile(sshSetting(t, "userknownhostsfile"))
	must(t, err)
	_, key, _ := strings.Cut(strings.SplitN(string(known), "\n", 2)[0], " ")
	query := url.Values{
		sshNameKey: {"elsewhere"}, hostKeyKey: {key}, identityKey: {"${GUESTHOUSE_TEST_KEY}"},
	}
	if socket := os.Getenv("GUESTHOUSE_TEST_SOCKET"); socket != "" {
		query.Set("socket", socket)
	}
	uri := "qemu+ssh://" + sshSetting(t, "user") + "@" + sshSetting(t, "hostname") + ":" +
		sshSetting(t, "port") + "/system?"
	mendedAt(t, "libvirt_pool", uri+query.Encode()).link()
	if left, _ := os.ReadDir(os.Getenv("TMPDIR")); len(left) > 0 {
		t.Errorf("the tunnel left %v", left)
	}
	query.Set(hostKeyKey, wrongKey)
	_, err = mendedAt(t, "libvirt_pool", uri+query.Encode()).meta.(*host).connect(context.Background())
	if err == nil || !strings.Contains(err.Error(), "Host key verification failed") {
		t.Fatalf("a wrong host key gave %v", err)
	}
}

// wrongKey is a well-formed host key that no host has.
const wrongKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBnk3V1MNMBy8iPQCuNmiBdl0ZcGRmYKaqMyZrcP1Cjt"

// tunnelURI goes through ssh to the same libvirtd. extra precedes the pinned configuration.
func tunnelURI(t *testing.T, extra string) string {
	t.Helper()
	pinned := os.Getenv("GUESTHOUSE_TEST_SSH_CONFIG")
	if pinned == "" {
		t.Fatal("GUESTHOUSE_TEST_SSH_CONFIG names no ssh_config: run engine/test.sh")
	}
	config := filepath.Join(t.TempDir(), "ssh_config")
	must(t, os.WriteFile(config, []byte(extra+"\nInclude "+pinned+"\n"), 0o600))
	t.Setenv("GUESTHOUSE_TEST_FOLDER", filepath.Dir(config))
	name := testHost()
	uri := "qemu+ssh://" + name + "/system?guesthouse_ssh_name=" + name +
		"&guesthouse_ssh_config=%24%7BGUESTHOUSE_TEST_FOLDER%7D/ssh_config"
	if socket := os.Getenv("GUESTHOUSE_TEST_SOCKET"); socket != "" {
		uri += "&socket=" + socket
	}
	return withMark(uri, testMark)
}

func TestTunnelThroughTheSystemsSsh(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	b := mendedAt(t, "libvirt_pool", tunnelURI(t, ""))
	link := b.link()
	if _, err := link.rpc.ConnectGetLibVersion(); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(os.Getenv("TMPDIR")); len(left) > 0 {
		t.Errorf("the tunnel left %v", left)
	}
	again := b.link()
	if again != link {
		t.Error("a live connection is not used again")
	}
	must(t, link.tunnel.command.Process.Kill())
	<-link.rpc.Disconnected()
	if _, err := b.link().rpc.ConnectGetLibVersion(); err != nil {
		t.Errorf("no new connection after the old one broke: %v", err)
	}
}

// busy is a socket before the test's libvirtd that hangs up on its first callers.
func busy(t *testing.T, refusals int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "busy")
	listener, err := net.Listen("unix", path)
	must(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for count := 0; ; count++ {
			caller, err := listener.Accept()
			if err != nil {
				return
			}
			if count < refusals {
				_ = caller.Close()
				continue
			}
			daemon, err := net.Dial("unix", os.Getenv("GUESTHOUSE_TEST_SOCKET"))
			if err != nil {
				_ = caller.Close()
				continue
			}
			go func() { _, _ = io.Copy(caller, daemon) }()
			go func() { _, _ = io.Copy(daemon, caller) }()
		}
	}()
	return "qemu+unix:///system?socket=" + path
}

func TestADaemonThatJustEndsIsAskedAgain(t *testing.T) {
	for _, refusals := range []int{1, 2} {
		link := mendedAt(t, "libvirt_pool", busy(t, refusals)).link()
		if _, err := link.rpc.ConnectGetLibVersion(); err != nil {
			t.Errorf("after %d refusals: %v", refusals, err)
		}
	}
	_, err := mendedAt(t, "libvirt_pool", busy(t, 100)).meta.(*host).connect(context.Background())
	if err == nil || !strings.Contains(err.Error(), "libvirt does not answer") {
		t.Fatalf("a daemon that always hangs up gave %v", err)
	}
}

// ssh makes its socket's name first and listens then; another process may run in between.
func TestTunnelIsThereOnceSomebodyListens(t *testing.T) {
	tunnel := &tunnel{folder: t.TempDir(), done: make(chan struct{})}
	socket, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	must(t, err)
	defer func() { _ = syscall.Close(socket) }()
	must(t, syscall.Bind(socket, &syscall.SockaddrUnix{Name: tunnel.socket()}))
	time.AfterFunc(200*time.Millisecond, func() { _ = syscall.Listen(socket, 8) })
	must(t, tunnel.wait(context.Background()))
	probe, err := net.Dial("unix", tunnel.socket())
	must(t, err)
	must(t, probe.Close())
}

func TestTunnelRefusesAWrongHostKey(t *testing.T) {
	wrong := filepath.Join(t.TempDir(), "known_hosts")
	must(t, os.WriteFile(wrong, []byte("* "+wrongKey+"\n"), 0o600))
	b := mendedAt(t, "libvirt_pool", tunnelURI(t, "UserKnownHostsFile "+wrong))
	_, err := b.meta.(*host).connect(context.Background())
	if err == nil || !strings.Contains(err.Error(), "Host key verification failed") {
		t.Fatalf("a wrong host key gave %v", err)
	}
	if !strings.Contains(err.Error(), "ssh failed: ") || !strings.Contains(err.Error(), "hint: ") {
		t.Errorf("not the project's form: %v", err)
	}
}

func TestTunnelSaysWhenLibvirtdIsAway(t *testing.T) {
	uri := strings.Replace(tunnelURI(t, ""), "&socket=", "&ignored=", 1) + "&socket=/nonexistent"
	_, err := mendedAt(t, "libvirt_pool", uri).meta.(*host).connect(context.Background())
	if err == nil || !strings.Contains(err.Error(), "libvirt does not answer") {
		t.Fatalf("a missing socket on the host gave %v", err)
	}
	t.Log(err)
}
