package main

// These tests run against a real libvirtd: engine/test.sh starts a private one, and any other
// may be named in GUESTHOUSE_TEST_URI (the lab's, through its tunnel). "Plain" is the upstream
// provider without our mends: each mend is shown against what it mends.

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/digitalocean/go-libvirt"
	upstream "github.com/dmacvicar/terraform-provider-libvirt/libvirt"
	"github.com/hashicorp/terraform-plugin-sdk/v2/diag"
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/schema"
	"github.com/hashicorp/terraform-plugin-sdk/v2/terraform"
)

const testMark = "site-1/guesthouse/test"

type values = map[string]any

// bench is a resource class with what its operations are called with.
type bench struct {
	t        *testing.T
	resource *schema.Resource
	meta     any
}

func testURI(t *testing.T) string {
	t.Helper()
	uri := os.Getenv("GUESTHOUSE_TEST_URI")
	if uri == "" {
		t.Fatal("GUESTHOUSE_TEST_URI names no libvirtd: run engine/test.sh")
	}
	return uri
}

// withMark adds our mark to a uri.
func withMark(uri, mark string) string {
	separator := "?"
	if strings.Contains(uri, "?") {
		separator = "&"
	}
	return uri + separator + markKey + "=" + mark
}

// mended is our class on the test's libvirtd, as the stack called mark.
func mended(t *testing.T, class, mark string) bench {
	t.Helper()
	return mendedAt(t, class, withMark(testURI(t), mark))
}

func mendedAt(t *testing.T, class, uri string) bench {
	t.Helper()
	h, err := newHost(uri)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if h.link != nil {
			h.link.close()
		}
	})
	return bench{t, mendedProvider().ResourcesMap[class], h}
}

// plain is upstream's class on the same libvirtd; our tunnel's parameters mean nothing to it, so
// it borrows the connection from us.
func plain(t *testing.T, class string) bench {
	t.Helper()
	ours := mended(t, class, testMark)
	return bench{t, upstream.Provider().ResourcesMap[class], ours.link().upstream}
}

func (b bench) link() *link {
	b.t.Helper()
	link, err := b.meta.(*host).connect(context.Background())
	if err != nil {
		b.t.Fatal(err)
	}
	return link
}

func (b bench) data(raw values) *schema.ResourceData {
	b.t.Helper()
	return schema.TestResourceDataRaw(b.t, b.resource.Schema, raw)
}

func (b bench) create(raw values) (*schema.ResourceData, error) {
	b.t.Helper()
	d := b.data(raw)
	return d, failure(b.resource.CreateContext(context.Background(), d, b.meta))
}

func (b bench) mustCreate(raw values) *schema.ResourceData {
	b.t.Helper()
	d, err := b.create(raw)
	if err != nil {
		b.t.Fatal(err)
	}
	return d
}

func (b bench) read(d *schema.ResourceData) error {
	return failure(b.resource.ReadContext(context.Background(), d, b.meta))
}

func (b bench) update(d *schema.ResourceData) error {
	return failure(b.resource.UpdateContext(context.Background(), d, b.meta))
}

func (b bench) delete(d *schema.ResourceData) error {
	return failure(b.resource.DeleteContext(context.Background(), d, b.meta))
}

// planned are the attributes that a preview would show as changing.
func (b bench) planned(d *schema.ResourceData, raw values) []string {
	b.t.Helper()
	config := terraform.NewResourceConfigRaw(raw)
	diff, err := b.resource.Diff(context.Background(), d.State(), config, b.meta)
	if err != nil {
		b.t.Fatal(err)
	}
	var names []string
	if diff != nil {
		for name := range diff.Attributes {
			// This old way of planning shows every unset computed list; the bridge does not.
			if name != "dns.#" {
				names = append(names, name)
			}
		}
	}
	return names
}

func failure(found diag.Diagnostics) error {
	for _, one := range found {
		if one.Severity == diag.Error {
			return fmt.Errorf("%s", one.Summary)
		}
	}
	return nil
}

func wantError(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want: %s", want)
	}
	if err.Error() != want {
		t.Fatalf("got error:\n%s\nwant:\n%s", err, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// removePool takes a pool of any owner out of libvirt, if it is there.
func removePool(rpc *libvirt.Libvirt, name string) {
	if pool, err := rpc.StoragePoolLookupByName(name); err == nil {
		_ = rpc.StoragePoolDestroy(pool)
		_ = rpc.StoragePoolUndefine(pool)
	}
}

// removeTestNetwork does the same for a network.
func removeTestNetwork(rpc *libvirt.Libvirt, name string) {
	if network, err := rpc.NetworkLookupByName(name); err == nil {
		_ = rpc.NetworkDestroy(network)
		_ = rpc.NetworkUndefine(network)
	}
}
