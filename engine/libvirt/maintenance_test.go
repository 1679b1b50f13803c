package main

import (
	"testing"
)

// A host of which every contact is an error: ssh has no such configuration.
const (
	deadHost = "qemu+ssh://root@192.0.2.1/system?guesthouse_ssh_config=/nonexistent" +
		"&guesthouse_ssh_name=h1"
	leftAloneText = "pool guests: its host 'h1' is in maintenance\n" +
		"  hint: end it by `hosts.h1.maintenance: false`, then run the command again"
)

func TestMaintenanceLeavesTheHostAlone(t *testing.T) {
	for name, one := range map[string]struct {
		uri, declared string
		held          bool
	}{
		"by the uri":                  {deadHost + "&guesthouse_maintenance=true", "", true},
		"by the command":              {deadHost, `{"h1": true}`, true},
		"another host":                {deadHost, `{"h2": true}`, false},
		"no longer":                   {deadHost + "&guesthouse_maintenance=true", `{"h1": false}`, false},
		"the command knows others":    {deadHost + "&guesthouse_maintenance=true", `{"h2": false}`, true},
		"neither says anything of it": {deadHost, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(maintenanceVariable, one.declared)
			b := mendedAt(t, "libvirt_pool", one.uri)
			raw := values{"name": "guests", "type": "dir"}
			d := b.data(raw)
			d.SetId("0d6f2bd8-3b5b-4d0a-9d8e-5a2b1f0c7e11")
			_, created := b.create(raw)
			for operation, err := range map[string]error{
				"create": created, "update": b.update(d), "delete": b.delete(d),
			} {
				if err == nil {
					t.Fatalf("%s: no error", operation)
				}
				if refused := err.Error() == leftAloneText; refused != one.held {
					t.Errorf("%s: %v", operation, err)
				}
			}
			if err := b.read(d); (err == nil) != one.held {
				t.Errorf("read: %v", err)
			}
			if d.Id() == "" || d.Get("name") != "guests" {
				t.Error("the state is not as it was")
			}
		})
	}
}

func TestMaintenanceHoldsForEveryClass(t *testing.T) {
	for class := range mendedProvider().ResourcesMap {
		b := mendedAt(t, class, deadHost+"&guesthouse_maintenance=true")
		d := b.data(values{"name": "x"})
		d.SetId("0d6f2bd8-3b5b-4d0a-9d8e-5a2b1f0c7e11")
		must(t, b.read(d))
		if b.delete(d) == nil || d.Id() == "" {
			t.Errorf("%s: was deleted", class)
		}
	}
}

func TestWhatIsNotReadableIsNoFlag(t *testing.T) {
	t.Setenv(maintenanceVariable, "yes")
	b := mendedAt(t, "libvirt_pool", deadHost)
	wantError(t, b.read(b.data(values{"name": "x"})), "GUESTHOUSE_MAINTENANCE: is no JSON object of "+
		"flags: invalid character 'y' looking for beginning of value\n"+
		"  hint: unset it: the guesthouse command sets it")
}

func TestAnImportFromAHostInMaintenanceIsRefused(t *testing.T) {
	b := mendedAt(t, "libvirt_pool", deadHost+"&guesthouse_maintenance=true")
	d := b.data(values{})
	d.SetId("0d6f2bd8-3b5b-4d0a-9d8e-5a2b1f0c7e11")
	if b.read(d) == nil {
		t.Error("a pool without anything was read")
	}
}
