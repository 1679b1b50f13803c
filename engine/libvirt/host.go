package main

import (
	"context"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/digitalocean/go-libvirt"
	upstream "github.com/dmacvicar/terraform-provider-libvirt/libvirt"
	"github.com/dmacvicar/terraform-provider-libvirt/libvirt/uri"
)

// Query parameters of the provider's uri that are ours; libvirt never sees them.
const (
	// markKey names who declares this provider's pools: site/project/stack.
	markKey = "guesthouse_mark"
	// sshConfigKey is an ssh_config(5) file, sshNameKey the host's alias in it. With them the
	// connection goes through the system's ssh client: pinned host keys, jump hosts and keys are
	// those of that file. The path may hold ${VARIABLES} of the environment, so that the state
	// can do without a path of this machine.
	//
	// Without them upstream's own ssh client (version 0.8.3) is used. It honours the parameters
	// keyfile, knownhosts (path of the pinned keys, looked up by address and port), sshauth
	// (privkey, agent, ssh-password), socket, known_hosts_verify=ignore and no_verify (both
	// switch verification off), reads ~/.ssh/config, and refuses an unknown or wrong host key.
	sshConfigKey = "guesthouse_ssh_config"
	sshNameKey   = "guesthouse_ssh_name"
	// hostKeyKey (repeated: the only host keys accepted, "type base64") and identityKey (a private
	// key's file) take the place of an ssh_config file: the uri then says all that is needed, on
	// any machine, with user, address and port where every uri has them.
	hostKeyKey  = "guesthouse_host_key"
	identityKey = "guesthouse_identity_file"
	// maintenanceKey (true): the host is to be left alone.
	maintenanceKey = "guesthouse_maintenance"
)

// A daemon that just ends for want of work (libvirtd --timeout) is started again by systemd.
const (
	openTries = 3
	openPause = 2 * time.Second
)

// host is one hypervisor as a provider's uri names it.
type host struct {
	name      string // for messages
	mark      string
	address   *url.URL // what upstream understands
	sshConfig string
	sshName   string
	hostKeys  []string
	identity  string

	maintenance bool // as the uri says

	mutex sync.Mutex
	link  *link // nil until the first use
}

// link is a live connection: ours (rpc) and upstream's, whose client keeps its own to itself.
type link struct {
	name     string
	mark     string
	rpc      *libvirt.Libvirt
	upstream *upstream.Client
	tunnel   *tunnel // nil unless we started ssh
}

// newHost takes a provider's uri apart. It touches nothing outside this process.
func newHost(text string) (*host, error) {
	address, err := url.Parse(text)
	if err != nil {
		return nil, problem("libvirt provider", fmt.Sprintf("uri is not a URL: %v", err),
			"for example qemu+ssh://root@192.0.2.1/system")
	}
	query := address.Query()
	h := &host{
		mark:      query.Get(markKey),
		sshConfig: query.Get(sshConfigKey),
		sshName:   query.Get(sshNameKey),
		hostKeys:  query[hostKeyKey],
		identity:  query.Get(identityKey),
		address:   address,

		maintenance: query.Get(maintenanceKey) == "true",
	}
	known := h.sshConfig != "" || len(h.hostKeys) > 0
	if known != (h.sshName != "") {
		return nil, problem("libvirt provider", "uri has only one of "+sshConfigKey+" and "+sshNameKey,
			"give both: the ssh_config file and the host's alias in it")
	}
	if h.sshName != "" {
		if _, err := configValue("Host", h.sshName); err != nil {
			return nil, err
		}
	}
	ours := []string{markKey, sshConfigKey, sshNameKey, hostKeyKey, identityKey, maintenanceKey}
	for _, key := range ours {
		query.Del(key)
	}
	address.RawQuery = query.Encode()
	h.name = "host " + h.sshName
	if h.sshName == "" {
		h.name = address.Redacted()
	}
	return h, nil
}

// connect returns the live connection, made now if there is none (a reboot ends the old one).
func (h *host) connect(ctx context.Context) (*link, error) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if h.link != nil && h.link.rpc.IsConnected() {
		return h.link, nil
	}
	if h.link != nil {
		h.link.close()
		h.link = nil
	}
	link, err := h.open(ctx)
	if err != nil {
		return nil, err
	}
	h.link = link
	return link, nil
}

// open makes both connections, through a tunnel of ssh where the uri asks for it.
func (h *host) open(ctx context.Context) (*link, error) {
	made := &link{name: h.name, mark: h.mark}
	address := h.address.String()
	if h.sshName != "" {
		tunnel, err := openTunnel(ctx, h)
		if err != nil {
			return nil, err
		}
		made.tunnel = tunnel
		address = tunnel.uri(h.address)
		// Once both connections stand, nothing needs the socket's name any more.
		defer tunnel.removeFolder()
	}
	for left := openTries - 1; ; left-- {
		err := made.dial(address)
		if err == nil {
			return made, nil
		}
		made.hangUp()
		if left == 0 || ctx.Err() != nil {
			made.close()
			return nil, h.unreachable(made.tunnel, err)
		}
		time.Sleep(openPause)
	}
}

func (l *link) dial(address string) error {
	parsed, err := uri.Parse(address)
	if err != nil {
		return err
	}
	l.rpc = libvirt.NewWithDialer(parsed)
	if err := l.rpc.ConnectToURI(libvirt.ConnectURI(parsed.RemoteName())); err != nil {
		return err
	}
	l.upstream, err = (&upstream.Config{URI: address}).Client()
	return err
}

func (h *host) unreachable(tunnel *tunnel, cause error) error {
	what := fmt.Sprintf("libvirt does not answer: %v", cause)
	if said := tunnel.said(); said != "" {
		what += " (ssh: " + said + ")"
	}
	return problem(h.name, what, "check that the host is up and that libvirtd runs on it")
}

func (l *link) hangUp() {
	if l.rpc != nil && l.rpc.IsConnected() {
		// The connection is given up either way.
		_ = l.rpc.Disconnect()
	}
}

func (l *link) close() {
	l.hangUp()
	if l.tunnel != nil {
		l.tunnel.close()
	}
}
