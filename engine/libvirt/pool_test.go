package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/digitalocean/go-libvirt"
)

// poolAt declares a pool in a folder of its own; RPC only, so the host may be elsewhere.
func poolAt(t *testing.T, name string) values {
	t.Helper()
	rpc := mended(t, "libvirt_pool", testMark).link().rpc
	removePool(rpc, name)
	t.Cleanup(func() { removePool(rpc, name) })
	path := "/var/tmp/guesthouse-test-" + name
	return values{"name": name, "type": "dir", "target": []any{values{"path": path}}}
}

func volumes(t *testing.T, b bench, name string) []string {
	t.Helper()
	rpc := b.link().rpc
	pool, err := rpc.StoragePoolLookupByName(name)
	must(t, err)
	must(t, rpc.StoragePoolRefresh(pool, 0))
	names, err := rpc.StoragePoolListVolumes(pool, 100)
	must(t, err)
	return names
}

func TestPoolUUIDNeverChanges(t *testing.T) {
	const want = "cb9d5b1c-62d8-5097-982b-66d8eed575a3"
	if got := poolUUID("site-1/guesthouse/test", "guests").String(); got != want {
		t.Fatalf("got %s, want %s: existing pools would be foreign", got, want)
	}
}

func TestPoolIsAdopted(t *testing.T) {
	declared := poolAt(t, "adopted")
	first := mended(t, "libvirt_pool", testMark).mustCreate(declared)
	if want := poolUUID(testMark, "adopted").String(); first.Id() != want {
		t.Errorf("id is %s, want %s", first.Id(), want)
	}
	// Half-made: defined, but not running. Then running.
	b := mended(t, "libvirt_pool", testMark)
	pool, err := b.link().rpc.StoragePoolLookupByName("adopted")
	must(t, err)
	must(t, b.link().rpc.StoragePoolDestroy(pool))
	for range 2 {
		again := mended(t, "libvirt_pool", testMark).mustCreate(declared)
		if again.Id() != first.Id() || !again.Get("active").(bool) || !again.Get("autostart").(bool) {
			t.Errorf("adopted as %s, active %v", again.Id(), again.Get("active"))
		}
	}
	_, err = plain(t, "libvirt_pool").create(declared)
	wantError(t, err, "storage pool 'adopted' already exists")
}

func TestForeignPoolIsRefused(t *testing.T) {
	declared := poolAt(t, "foreign")
	other := mended(t, "libvirt_pool", "site-2/guesthouse/test").mustCreate(declared)
	b := mended(t, "libvirt_pool", testMark)
	_, err := b.create(declared)
	wantError(t, err, b.link().name+`: storage pool "foreign" exists and was not made by this `+
		"stack (its UUID is "+other.Id()+")\n  hint: declare the pool with `existing: true` to use "+
		"it as it is, or take it out of libvirt (its files stay): virsh pool-destroy foreign; "+
		"virsh pool-undefine foreign")
	if other.Get("active") != true {
		t.Error("the refusal touched the pool")
	}
}

func TestPoolWithoutAMarkIsNotAdopted(t *testing.T) {
	declared := poolAt(t, "unmarked")
	mendedAt(t, "libvirt_pool", testURI(t)).mustCreate(declared)
	_, err := mendedAt(t, "libvirt_pool", testURI(t)).create(declared)
	if err == nil || !strings.Contains(err.Error(), "was not made by this stack") {
		t.Fatalf("got %v", err)
	}
}

func TestPoolDeleteKeepsTheDirectory(t *testing.T) {
	declared := poolAt(t, "kept")
	b := mended(t, "libvirt_pool", testMark)
	d := b.mustCreate(declared)
	pool, err := b.link().rpc.StoragePoolLookupByName("kept")
	must(t, err)
	_, err = b.link().rpc.StorageVolCreateXML(pool, "<volume><name>precious</name>"+
		"<capacity>4096</capacity></volume>", 0)
	if err != nil && !isCode(err, libvirt.ErrStorageVolExist) {
		t.Fatal(err)
	}
	must(t, b.delete(d))
	must(t, b.delete(d)) // gone already
	d = b.mustCreate(declared)
	if !slices.Contains(volumes(t, b, "kept"), "precious") {
		t.Fatal("the volume is gone")
	}
	volume, err := b.link().rpc.StorageVolLookupByName(pool, "precious")
	must(t, err)
	must(t, b.link().rpc.StorageVolDelete(volume, 0))

	must(t, plain(t, "libvirt_pool").delete(d))
	pool, err = b.link().rpc.StoragePoolDefineXML("<pool type='dir'><name>kept</name>"+
		"<target><path>/var/tmp/guesthouse-test-kept</path></target></pool>", 0)
	must(t, err)
	if b.link().rpc.StoragePoolCreate(pool, 0) == nil {
		t.Error("plain upstream keeps the directory now: the mend can go")
	}
}

func TestStoppedPoolIsStartedByUpdate(t *testing.T) {
	declared := poolAt(t, "stopped")
	b := mended(t, "libvirt_pool", testMark)
	d := b.mustCreate(declared)
	pool, err := b.link().rpc.StoragePoolLookupByName("stopped")
	must(t, err)
	must(t, b.link().rpc.StoragePoolDestroy(pool))
	must(t, b.link().rpc.StoragePoolSetAutostart(pool, 0))
	must(t, b.read(d))
	// That the preview then plans them back to true: engine/libvirt/journey.
	if d.Get("active") != false || d.Get("autostart") != false {
		t.Fatalf("read active %v, autostart %v", d.Get("active"), d.Get("autostart"))
	}
	must(t, b.update(d))
	if d.Get("active") != true || d.Get("autostart") != true {
		t.Fatalf("updated to active %v, autostart %v", d.Get("active"), d.Get("autostart"))
	}
}

func TestVanishedPoolIsGone(t *testing.T) {
	declared := poolAt(t, "vanished")
	b := mended(t, "libvirt_pool", testMark)
	d := b.mustCreate(declared)
	removePool(b.link().rpc, "vanished")
	must(t, b.read(d))
	if d.Id() != "" {
		t.Error("a pool that is gone still has an id")
	}
}

func TestAdoptedPoolMovesToTheDeclaredPath(t *testing.T) {
	declared := poolAt(t, "moved")
	b := mended(t, "libvirt_pool", testMark)
	b.mustCreate(declared)
	declared["target"] = []any{values{"path": "/var/tmp/guesthouse-test-moved-2"}}
	d := b.mustCreate(declared)
	if got := d.Get("target.0.path"); got != "/var/tmp/guesthouse-test-moved-2" {
		t.Errorf("the pool is at %v", got)
	}
}
