package main

import (
	"strings"
	"testing"

	"github.com/digitalocean/go-libvirt"
)

// natNetwork declares a network with a bridge of its own.
func natNetwork(t *testing.T, name string) values {
	t.Helper()
	rpc := mended(t, "libvirt_network", testMark).link().rpc
	removeTestNetwork(rpc, name)
	t.Cleanup(func() { removeTestNetwork(rpc, name) })
	return values{
		"name": name, "mode": "nat", "bridge": "ght-" + name, "autostart": true,
		"addresses": []any{"10.251.7.0/24"}, "dhcp": []any{values{"enabled": true}},
	}
}

func lookup(t *testing.T, b bench, name string) libvirt.Network {
	t.Helper()
	network, err := b.link().rpc.NetworkLookupByName(name)
	must(t, err)
	return network
}

func TestNetworkIsAdopted(t *testing.T) {
	declared := natNetwork(t, "adopted")
	b := mended(t, "libvirt_network", testMark)
	first := b.mustCreate(declared)
	must(t, b.link().rpc.NetworkDestroy(lookup(t, b, "adopted")))
	for range 2 {
		again := b.mustCreate(declared)
		if again.Id() != first.Id() || again.Get("active") != true || again.Get("autostart") != true {
			t.Errorf("adopted as %s, active %v", again.Id(), again.Get("active"))
		}
		if planned := b.planned(again, declared); len(planned) > 0 {
			t.Errorf("unchanged, but the preview shows %v", planned)
		}
	}
	_, err := plain(t, "libvirt_network").create(declared)
	if err == nil || !strings.Contains(err.Error(), "already exists") {
		t.Errorf("plain upstream adopts now: the mend can go (%v)", err)
	}
}

func TestForeignNetworkIsRefused(t *testing.T) {
	declared := natNetwork(t, "foreign")
	b := mended(t, "libvirt_network", testMark)
	b.mustCreate(declared)
	declared["bridge"] = "ght-other"
	_, err := b.create(declared)
	wantError(t, err, b.link().name+`: network "foreign" exists and was not made by this stack `+
		`(its bridge is "ght-foreign", wanted "ght-other")`+"\n  hint: give the network another "+
		"name in the site file, or remove the present one: virsh net-destroy foreign; "+
		"virsh net-undefine foreign")
}

func TestOutdatedNetworkIsMadeAgain(t *testing.T) {
	declared := natNetwork(t, "outdated")
	b := mended(t, "libvirt_network", testMark)
	first := b.mustCreate(declared)
	declared["addresses"] = []any{"10.251.8.0/24"}
	second := b.mustCreate(declared)
	if first.Id() == second.Id() || second.Get("addresses.0") != "10.251.8.0/24" {
		t.Errorf("got %v on %v", second.Get("addresses"), second.Id())
	}
}

func TestOutdatedNetworkInUseIsRefused(t *testing.T) {
	declared := natNetwork(t, "used")
	b := mended(t, "libvirt_network", testMark)
	b.mustCreate(declared)
	_, err := b.link().rpc.NetworkPortCreateXML(lookup(t, b, "used"), `<networkport>
	  <uuid>1a3c2d4e-0000-4000-8000-000000000002</uuid>
	  <owner><name>web</name><uuid>1a3c2d4e-0000-4000-8000-000000000001</uuid></owner>
	  <mac address='52:54:00:00:00:01'/><plug type='none'/></networkport>`, 0)
	must(t, err)
	declared["mode"] = "route"
	_, err = b.create(declared)
	wantError(t, err, b.link().name+`: network "used" is there in another shape (mode is nat, `+
		"wanted route) and 1 guest interfaces use it\n  hint: stop those guests, then: "+
		"virsh net-destroy used; virsh net-undefine used")
}

func TestStoppedNetworkIsStartedByUpdate(t *testing.T) {
	declared := natNetwork(t, "stopped")
	b := mended(t, "libvirt_network", testMark)
	d := b.mustCreate(declared)
	must(t, b.link().rpc.NetworkDestroy(lookup(t, b, "stopped")))
	must(t, b.read(d))
	if planned := b.planned(d, declared); len(planned) != 1 || planned[0] != "active" {
		t.Fatalf("the preview shows %v", planned)
	}
	must(t, b.update(d))
	if planned := b.planned(d, declared); len(planned) > 0 {
		t.Fatalf("started, but the preview shows %v", planned)
	}
}

func TestNetworkDeleteCopesWithStoppedAndGone(t *testing.T) {
	declared := natNetwork(t, "deleted")
	b := mended(t, "libvirt_network", testMark)
	d := b.mustCreate(declared)
	must(t, b.link().rpc.NetworkDestroy(lookup(t, b, "deleted")))
	must(t, b.delete(d))
	must(t, b.delete(d))
	if plain(t, "libvirt_network").delete(d) == nil {
		t.Error("plain upstream copes with a gone network now: the mend can go")
	}
	must(t, b.read(d))
	if d.Id() != "" {
		t.Error("a network that is gone still has an id")
	}
}

func TestKindsOfNetworks(t *testing.T) {
	for _, mode := range []string{"nat", "route", "none"} {
		for _, dhcp := range []bool{true, false} {
			declared := natNetwork(t, "kind")
			declared["mode"] = mode
			declared["dhcp"] = []any{values{"enabled": dhcp}}
			b := mended(t, "libvirt_network", testMark)
			first := b.mustCreate(declared)
			must(t, b.read(first))
			if planned := b.planned(first, declared); len(planned) > 0 {
				t.Errorf("%s, dhcp %v: the preview shows %v", mode, dhcp, planned)
			}
			if again := b.mustCreate(declared); again.Id() != first.Id() {
				t.Errorf("%s, dhcp %v: made again instead of adopted", mode, dhcp)
			}
			must(t, b.delete(first))
		}
	}
}

func TestHostdevNetworkIsNoCrash(t *testing.T) {
	b := mended(t, "libvirt_network", testMark)
	rpc := b.link().rpc
	removeTestNetwork(rpc, "vfs")
	t.Cleanup(func() { removeTestNetwork(rpc, "vfs") })
	network, err := rpc.NetworkDefineXML("<network><name>vfs</name><forward mode='hostdev' " +
		"managed='yes'><pf dev='lo'/></forward></network>")
	must(t, err)
	d := b.data(values{"name": "vfs"})
	d.SetId(uuidText(network.UUID))
	wantError(t, b.read(d), b.link().name+": the upstream provider failed: "+
		"runtime error: invalid memory address or nil pointer dereference")
}
