package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// remoteSocket is where libvirtd listens, monolithic or not (libvirtd(8)).
	remoteSocket = "/var/run/libvirt/libvirt-sock"
	// tunnelTimeout bounds ssh's way in; a slow emulated host needs a few seconds.
	tunnelTimeout = 60 * time.Second
	tunnelPoll    = 20 * time.Millisecond
)

// tunnel is a running `ssh -L`: a unix socket here that ends at libvirtd's socket there. It needs
// nothing on the host but sshd, and everything about the way in is the ssh_config's business.
type tunnel struct {
	folder  string
	command *exec.Cmd
	stderr  *lastWords
	done    chan struct{}
}

// openTunnel starts ssh and waits for its socket, which it makes once it is logged in.
func openTunnel(ctx context.Context, h *host) (*tunnel, error) {
	folder, err := os.MkdirTemp("", "guesthouse-")
	if err != nil {
		return nil, err
	}
	config := os.ExpandEnv(h.sshConfig)
	if config == "" {
		if config, err = writeConfig(folder, h); err != nil {
			_ = os.RemoveAll(folder)
			return nil, err
		}
	}
	remote := remoteSocket
	if socket := h.address.Query().Get("socket"); socket != "" {
		remote = socket
	}
	t := &tunnel{folder: folder, stderr: &lastWords{}, done: make(chan struct{})}
	// A shared control connection would keep the forwarding beyond our life: take our own.
	t.command = exec.Command("ssh", "-F", config, "-N", "-T",
		"-o", "BatchMode=yes", "-o", "ControlMaster=no", "-o", "ControlPath=none",
		"-o", "ExitOnForwardFailure=yes", "-o", "LogLevel=INFO",
		"-L", t.socket()+":"+remote, "--", h.sshName)
	t.command.Stderr = t.stderr
	// ssh must not outlive us, whatever ends us.
	t.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := t.command.Start(); err != nil {
		t.removeFolder()
		return nil, problem(h.name, fmt.Sprintf("cannot start ssh: %v", err),
			"install openssh-client")
	}
	go func() {
		// Its exit is read from its last words.
		_ = t.command.Wait()
		close(t.done)
	}()
	if err := t.wait(ctx); err != nil {
		t.close()
		return nil, problem(h.name, err.Error(),
			"try it by hand: ssh -F "+config+" "+h.sshName+" virsh version")
	}
	return t, nil
}

// writeConfig makes an ssh_config(5) of what the uri says, pinned keys beside it.
func writeConfig(folder string, h *host) (string, error) {
	keys := filepath.Join(folder, "known_hosts")
	lines, err := knownHosts(h)
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(keys, []byte(lines), 0o600); err != nil {
		return "", err
	}
	text, err := configText(h, keys)
	if err != nil {
		return "", err
	}
	config := filepath.Join(folder, "ssh_config")
	return config, os.WriteFile(config, []byte(text), 0o600)
}

func (t *tunnel) socket() string { return filepath.Join(t.folder, "libvirt") }

func (t *tunnel) wait(ctx context.Context) error {
	deadline := time.After(tunnelTimeout)
	for {
		// The name is there a moment before anybody listens.
		if probe, err := net.Dial("unix", t.socket()); err == nil {
			return probe.Close()
		}
		select {
		case <-t.done:
			return fmt.Errorf("ssh failed: %s", t.said())
		case <-deadline:
			return fmt.Errorf("ssh got no connection within %s: %s", tunnelTimeout, t.said())
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(tunnelPoll):
		}
	}
}

// uri is the address of the host's libvirtd by this tunnel: same driver and path, our socket.
func (t *tunnel) uri(address *url.URL) string {
	driver, _, _ := strings.Cut(address.Scheme, "+")
	local := url.URL{
		Scheme:   driver + "+unix",
		Path:     address.Path,
		RawQuery: url.Values{"socket": {t.socket()}}.Encode(),
	}
	return local.String()
}

// said is what ssh wrote, on one line; a nil tunnel has said nothing.
func (t *tunnel) said() string {
	if t == nil {
		return ""
	}
	return t.stderr.String()
}

func (t *tunnel) close() {
	// An ssh that is gone already is as good as one that we end.
	_ = t.command.Process.Kill()
	<-t.done
	t.removeFolder()
}

func (t *tunnel) removeFolder() { _ = os.RemoveAll(t.folder) }

// lastWords keeps what a process writes, for several goroutines.
type lastWords struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (w *lastWords) Write(part []byte) (int, error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.text.Write(part)
}

func (w *lastWords) String() string {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return strings.Join(strings.Fields(w.text.String()), " ")
}
