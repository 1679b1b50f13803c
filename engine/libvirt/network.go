package main

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/digitalocean/go-libvirt"
	"github.com/hashicorp/terraform-plugin-sdk/v2/diag"
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/customdiff"
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/schema"
	"libvirt.org/go/libvirtxml"
)

// ignoredByUpdate are inputs whose change upstream calls an update, and then leaves undone. They
// replace the network instead, as libvirt needs it (virsh(1), net-update lists what can change).
var ignoredByUpdate = [][]string{
	{"mtu"}, {"dhcp", "enabled"}, {"dns", "enabled"}, {"dns", "local_only"}, {"dnsmasq_options"},
}

// fieldAt follows a path through nested blocks.
func fieldAt(fields map[string]*schema.Schema, path []string) *schema.Schema {
	if len(path) == 1 {
		return fields[path[0]]
	}
	return fieldAt(fields[path[0]].Elem.(*schema.Resource).Schema, path[1:])
}

// mendNetwork adopts what this stack made before, keeps networks running, and replaces where
// upstream only pretends to update.
//
// The mark of ownership is the bridge's name: Guesthouse derives it from the site's identity.
func mendNetwork(network *schema.Resource) {
	upstreamCreate := crud(network.CreateContext)
	read := inOrder(crud(network.ReadContext), onLink(readNetwork))
	network.Schema["active"] = observed("the network runs")
	for _, path := range ignoredByUpdate {
		fieldAt(network.Schema, path).ForceNew = true
	}
	network.ReadContext = schema.ReadContextFunc(read)
	network.CreateContext = schema.CreateContextFunc(inOrder(
		onLink(adoptNetwork),
		func(ctx context.Context, d *schema.ResourceData, meta any) diag.Diagnostics {
			if d.Id() != "" {
				return nil // adopted
			}
			return upstreamCreate(ctx, d, meta)
		},
		read,
	))
	// Upstream's update starts a stopped network.
	network.UpdateContext = schema.UpdateContextFunc(inOrder(crud(network.UpdateContext), read))
	network.DeleteContext = schema.DeleteContextFunc(onLink(deleteNetwork))
	if network.CustomizeDiff != nil {
		panic("upstream's network has a CustomizeDiff now: keep it")
	}
	network.CustomizeDiff = customdiff.All(keepsTrue("active"))
}

// adoptNetwork takes over the network that an earlier run of this stack left; none is fine.
func adoptNetwork(_ context.Context, d *schema.ResourceData, link *link) error {
	name := d.Get("name").(string)
	network, err := link.rpc.NetworkLookupByName(name)
	if isCode(err, libvirt.ErrNoNetwork) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: network %q: %w", link.name, name, err)
	}
	present, err := networkDefinition(link, network)
	if err != nil {
		return err
	}
	if err := refuseForeignNetwork(d, link, present); err != nil {
		return err
	}
	if difference := networkDifference(d, present); difference != "" {
		return removeOutdated(link, network, difference)
	}
	if err := startNetwork(link, network); err != nil {
		return err
	}
	if wanted, set := d.GetOk("autostart"); set && wanted.(bool) {
		if err := link.rpc.NetworkSetAutostart(network, 1); err != nil {
			return fmt.Errorf("%s: autostart of network %q: %w", link.name, name, err)
		}
	}
	d.SetId(uuidText(network.UUID))
	return nil
}

func networkDefinition(link *link, network libvirt.Network) (libvirtxml.Network, error) {
	var definition libvirtxml.Network
	text, err := link.rpc.NetworkGetXMLDesc(network, 0)
	if err == nil {
		err = definition.Unmarshal(text)
	}
	if err != nil {
		return definition, fmt.Errorf("%s: network %q: %w", link.name, network.Name, err)
	}
	return definition, nil
}

func refuseForeignNetwork(
	d *schema.ResourceData, link *link, present libvirtxml.Network,
) error {
	bridge, seen := d.Get("bridge").(string), ""
	if present.Bridge != nil {
		seen = present.Bridge.Name
	}
	// In mode bridge the bridge is the host's own and proves nothing.
	if bridge != "" && bridge == seen && d.Get("mode").(string) != "bridge" {
		return nil
	}
	return problem(link.name,
		fmt.Sprintf("network %q exists and was not made by this stack (its bridge is %q, wanted %q)",
			present.Name, seen, bridge),
		fmt.Sprintf("give the network another name in the site file, or remove the present one:"+
			" virsh net-destroy %s; virsh net-undefine %s", present.Name, present.Name))
}

// networkDifference names what the present network does not have as declared, or nothing.
func networkDifference(d *schema.ResourceData, present libvirtxml.Network) string {
	seen, wanted := networkSeen(present), networkWanted(d)
	for _, key := range []string{"mode", "domain", "mtu", "dhcp", "addresses"} {
		if seen[key] != wanted[key] {
			return fmt.Sprintf("%s is %s, wanted %s", key, seen[key], wanted[key])
		}
	}
	return ""
}

func networkWanted(d *schema.ResourceData) map[string]string {
	var addresses []string
	for _, address := range d.Get("addresses").([]any) {
		text, _ := address.(string) // null in the list: libvirt will have its say
		if prefix, err := netip.ParsePrefix(text); err == nil {
			text = prefix.Masked().String()
		}
		addresses = append(addresses, text)
	}
	slices.Sort(addresses)
	// Upstream's rule: with an address, DHCP is on unless it is switched off.
	dhcp := len(addresses) > 0
	//nolint:staticcheck // an unset optional bool is only told apart this way
	if enabled, set := d.GetOkExists("dhcp.0.enabled"); set {
		dhcp = dhcp && enabled.(bool)
	}
	return map[string]string{
		"mode":      fmt.Sprint(d.Get("mode")),
		"domain":    fmt.Sprintf("%q", d.Get("domain")),
		"mtu":       fmt.Sprint(d.Get("mtu")),
		"dhcp":      fmt.Sprint(dhcp),
		"addresses": fmt.Sprint(addresses),
	}
}

func networkSeen(present libvirtxml.Network) map[string]string {
	seen := map[string]string{"mode": "none", "domain": `""`, "mtu": "0"}
	if present.Forward != nil {
		seen["mode"] = present.Forward.Mode
	}
	if present.Domain != nil {
		seen["domain"] = fmt.Sprintf("%q", present.Domain.Name)
	}
	if present.MTU != nil {
		seen["mtu"] = fmt.Sprint(present.MTU.Size)
	}
	var addresses []string
	dhcp := false
	for _, ip := range present.IPs {
		dhcp = dhcp || ip.DHCP != nil
		text := ip.Address
		if address, err := netip.ParseAddr(ip.Address); err == nil {
			text = netip.PrefixFrom(address, int(ip.Prefix)).Masked().String()
		}
		addresses = append(addresses, text)
	}
	slices.Sort(addresses)
	seen["dhcp"], seen["addresses"] = fmt.Sprint(dhcp), fmt.Sprint(addresses)
	return seen
}

// removeOutdated clears our own network of another shape away, unless guests hang on it.
func removeOutdated(link *link, network libvirt.Network, difference string) error {
	ports, _, err := link.rpc.NetworkListAllPorts(network, 1, 0)
	if err != nil {
		return fmt.Errorf("%s: network %q: %w", link.name, network.Name, err)
	}
	if len(ports) > 0 {
		return problem(link.name,
			fmt.Sprintf("network %q is there in another shape (%s) and %d guest interfaces use it",
				network.Name, difference, len(ports)),
			fmt.Sprintf("stop those guests, then: virsh net-destroy %s; virsh net-undefine %s",
				network.Name, network.Name))
	}
	return removeNetwork(link, network)
}

func startNetwork(link *link, network libvirt.Network) error {
	active, err := link.rpc.NetworkIsActive(network)
	if err == nil && active == 0 {
		err = link.rpc.NetworkCreate(network)
	}
	if err != nil {
		return fmt.Errorf("%s: cannot start network %q: %w", link.name, network.Name, err)
	}
	return nil
}

// readNetwork adds what upstream does not read; a network that is gone has no id any more.
func readNetwork(_ context.Context, d *schema.ResourceData, link *link) error {
	if d.Id() == "" {
		return nil
	}
	network := libvirt.Network{Name: d.Get("name").(string), UUID: parseUUID(d.Id())}
	active, err := link.rpc.NetworkIsActive(network)
	if err != nil {
		return fmt.Errorf("%s: network %q: %w", link.name, network.Name, err)
	}
	return d.Set("active", active == 1)
}

// deleteNetwork copes with a network that is stopped or gone already, unlike upstream.
func deleteNetwork(_ context.Context, d *schema.ResourceData, link *link) error {
	network, err := link.rpc.NetworkLookupByUUID(parseUUID(d.Id()))
	if isCode(err, libvirt.ErrNoNetwork) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: network %q: %w", link.name, d.Get("name"), err)
	}
	return removeNetwork(link, network)
}

func removeNetwork(link *link, network libvirt.Network) error {
	// Not running is what we want; a transient network is gone once it is stopped.
	err := link.rpc.NetworkDestroy(network)
	if err == nil || isCode(err, libvirt.ErrOperationInvalid) {
		err = link.rpc.NetworkUndefine(network)
	}
	if err != nil && !isCode(err, libvirt.ErrNoNetwork) {
		return fmt.Errorf("%s: cannot remove network %q: %w", link.name, network.Name, err)
	}
	return nil
}
