package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/digitalocean/go-libvirt"
	"github.com/hashicorp/terraform-plugin-sdk/v2/diag"
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/customdiff"
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/schema"
	"libvirt.org/go/libvirtxml"
)

// poolKinds are the kinds that upstream knows; others are made by the guesthouse provider.
var poolKinds = []string{"dir", "logical"}

// mendPool gives a pool the UUID of its stack, adopts what this stack made before, keeps it
// running, and never deletes its directory or volume group.
func mendPool(pool *schema.Resource) {
	upstreamCreate := crud(pool.CreateContext)
	read := inOrder(crud(pool.ReadContext), onLink(readPool))
	create := inOrder(onLink(createPool), read)
	pool.Schema["active"] = observed("the pool runs")
	pool.Schema["autostart"] = observed("the pool starts with its host")
	pool.ReadContext = schema.ReadContextFunc(read)
	pool.CreateContext = func(ctx context.Context, d *schema.ResourceData, meta any) diag.Diagnostics {
		if _, transformed := d.GetOk("xml.0.xslt"); transformed {
			// Only upstream can run the user's XSLT; such a pool is not recognised later.
			return upstreamCreate(ctx, d, meta)
		}
		return create(ctx, d, meta)
	}
	pool.UpdateContext = schema.UpdateContextFunc(inOrder(onLink(updatePool), read))
	pool.DeleteContext = schema.DeleteContextFunc(onLink(deletePool))
	pool.CustomizeDiff = customdiff.All(pool.CustomizeDiff, keepsTrue("active", "autostart"))
}

// poolWanted is the pool that the resource declares (https://libvirt.org/formatstorage.html).
func poolWanted(d *schema.ResourceData, link *link) (libvirtxml.StoragePool, error) {
	name, kind := d.Get("name").(string), d.Get("type").(string)
	if !slices.Contains(poolKinds, kind) {
		return libvirtxml.StoragePool{}, problem(link.name,
			fmt.Sprintf("storage pool %q: unknown type %q", name, kind), "use dir or logical")
	}
	path := d.Get("path").(string)
	if target, ok := d.GetOk("target.0.path"); ok {
		path = target.(string)
	}
	wanted := libvirtxml.StoragePool{
		Type: kind, Name: name, Target: &libvirtxml.StoragePoolTarget{Path: path},
	}
	if link.mark != "" {
		wanted.UUID = poolUUID(link.mark, name).String()
	}
	if d.Get("source.#").(int) > 0 {
		source := &libvirtxml.StoragePoolSource{Name: d.Get("source.0.name").(string)}
		for i := range d.Get("source.0.device.#").(int) {
			device := d.Get(fmt.Sprintf("source.0.device.%d.path", i)).(string)
			source.Device = append(source.Device, libvirtxml.StoragePoolSourceDevice{Path: device})
		}
		wanted.Source = source
	}
	return wanted, nil
}

// createPool makes the pool, or takes over the one that an earlier run of this stack left.
func createPool(_ context.Context, d *schema.ResourceData, link *link) error {
	wanted, err := poolWanted(d, link)
	if err != nil {
		return err
	}
	present, err := link.rpc.StoragePoolLookupByName(wanted.Name)
	exists := err == nil
	if !exists && !isCode(err, libvirt.ErrNoStoragePool) {
		return fmt.Errorf("%s: storage pool %q: %w", link.name, wanted.Name, err)
	}
	if exists {
		if err := refuseForeignPool(link, present, wanted); err != nil {
			return err
		}
		// The earlier run may have wanted another path: what we define now is what counts.
		if err := stopPool(link, present); err != nil {
			return err
		}
	}
	definition, err := wanted.Marshal()
	if err != nil {
		return err
	}
	pool, err := link.rpc.StoragePoolDefineXML(definition, 0)
	if err != nil {
		return fmt.Errorf("%s: cannot define storage pool %q: %w", link.name, wanted.Name, err)
	}
	if err := startPool(link, pool, true); err != nil {
		// Nothing was stored in it yet. Failing to undo changes nothing about the error.
		_ = link.rpc.StoragePoolUndefine(pool)
		return err
	}
	d.SetId(uuidText(pool.UUID))
	return nil
}

func refuseForeignPool(link *link, pool libvirt.StoragePool, wanted libvirtxml.StoragePool) error {
	if uuidText(pool.UUID) == wanted.UUID {
		return nil
	}
	return problem(link.name,
		fmt.Sprintf("storage pool %q exists and was not made by this stack (its UUID is %s)",
			pool.Name, uuidText(pool.UUID)),
		fmt.Sprintf("declare the pool with `existing: true` to use it as it is, or take it out of"+
			" libvirt (its files stay): virsh pool-destroy %s; virsh pool-undefine %s",
			pool.Name, pool.Name))
}

// startPool makes the pool active, now and at every boot. Building comes second: a directory or
// volume group that is already there is used as it is.
func startPool(link *link, pool libvirt.StoragePool, mayBuild bool) error {
	active, err := link.rpc.StoragePoolIsActive(pool)
	if err == nil && active == 0 {
		err = link.rpc.StoragePoolCreate(pool, 0)
		if err != nil && mayBuild {
			if err = link.rpc.StoragePoolBuild(pool, 0); err == nil {
				err = link.rpc.StoragePoolCreate(pool, 0)
			}
		}
	}
	if err == nil {
		err = link.rpc.StoragePoolSetAutostart(pool, 1)
	}
	if err == nil {
		err = link.rpc.StoragePoolRefresh(pool, 0)
	}
	if err != nil {
		return fmt.Errorf("%s: cannot start storage pool %q: %w", link.name, pool.Name, err)
	}
	return nil
}

func stopPool(link *link, pool libvirt.StoragePool) error {
	active, err := link.rpc.StoragePoolIsActive(pool)
	if err == nil && active == 1 {
		err = link.rpc.StoragePoolDestroy(pool)
	}
	if err != nil && !isCode(err, libvirt.ErrNoStoragePool) {
		return fmt.Errorf("%s: cannot stop storage pool %q: %w", link.name, pool.Name, err)
	}
	return nil
}

// readPool adds what upstream does not read; a pool that is gone has no id any more.
func readPool(_ context.Context, d *schema.ResourceData, link *link) error {
	if d.Id() == "" {
		return nil
	}
	pool := libvirt.StoragePool{Name: d.Get("name").(string), UUID: parseUUID(d.Id())}
	active, err := link.rpc.StoragePoolIsActive(pool)
	if err != nil {
		return fmt.Errorf("%s: storage pool %q: %w", link.name, pool.Name, err)
	}
	autostart, err := link.rpc.StoragePoolGetAutostart(pool)
	if err != nil {
		return fmt.Errorf("%s: storage pool %q: %w", link.name, pool.Name, err)
	}
	if err := d.Set("active", active == 1); err != nil {
		return err
	}
	return d.Set("autostart", autostart == 1)
}

// updatePool has one thing to do, everything else about a pool replaces it: start it again.
func updatePool(_ context.Context, d *schema.ResourceData, link *link) error {
	pool, err := link.rpc.StoragePoolLookupByUUID(parseUUID(d.Id()))
	if err != nil {
		return fmt.Errorf("%s: storage pool %q: %w", link.name, d.Get("name"), err)
	}
	// A vanished directory is made again; a vanished volume group is not: building would wipe.
	return startPool(link, pool, d.Get("type").(string) == "dir")
}

// deletePool stops the pool and forgets it. Its directory, volume group and volumes stay.
func deletePool(_ context.Context, d *schema.ResourceData, link *link) error {
	pool, err := link.rpc.StoragePoolLookupByUUID(parseUUID(d.Id()))
	if isCode(err, libvirt.ErrNoStoragePool) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: storage pool %q: %w", link.name, d.Get("name"), err)
	}
	if err := stopPool(link, pool); err != nil {
		return err
	}
	// A transient pool is gone once it is stopped.
	err = link.rpc.StoragePoolUndefine(pool)
	if err != nil && !isCode(err, libvirt.ErrNoStoragePool) {
		return fmt.Errorf("%s: cannot undefine storage pool %q: %w", link.name, pool.Name, err)
	}
	return nil
}
