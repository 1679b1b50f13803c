package main

import "testing"

// The tokens are those that the classes of pulumi_libvirt 0.5.4 send.
func TestTokensAreThoseOfTheSDK(t *testing.T) {
	info := providerInfo()
	for name, want := range map[string]string{
		"libvirt_pool":           "libvirt:index/pool:Pool",
		"libvirt_cloudinit_disk": "libvirt:index/cloudInitDisk:CloudInitDisk",
	} {
		if got := string(info.Resources[name].Tok); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	want := "libvirt:index/getNodeInfo:getNodeInfo"
	if got := string(info.DataSources["libvirt_node_info"].Tok); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
