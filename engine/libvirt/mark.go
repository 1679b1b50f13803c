package main

import (
	"github.com/digitalocean/go-libvirt"
	"github.com/google/uuid"
)

// namespace is Guesthouse's own, for the UUIDs that say "made by this stack". Never change it:
// existing pools would no longer be recognised.
var namespace = uuid.MustParse("6f0a2b7e-52c5-4d55-9a3e-0c4f5f6b8d21")

// poolUUID is the UUID of the pool that this stack calls name. libvirt keeps no metadata on
// pools, so the UUID itself is the mark of ownership (RFC 9562, version 5). The same name on two
// hosts gives the same UUID, which is fine: libvirt's UUIDs are per host.
func poolUUID(mark, name string) uuid.UUID {
	return uuid.NewSHA1(namespace, []byte(mark+"/pool/"+name))
}

func uuidText(id libvirt.UUID) string { return uuid.UUID(id).String() }

// parseUUID reads an id of the state; an id that is no UUID gives the nil UUID, which libvirt
// does not know.
func parseUUID(text string) libvirt.UUID {
	id, err := uuid.Parse(text)
	if err != nil {
		return libvirt.UUID{}
	}
	return libvirt.UUID(id)
}
