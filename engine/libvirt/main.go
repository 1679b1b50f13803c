// Command pulumi-resource-libvirt is the plugin of the Python package pulumi_libvirt 0.5.4:
// the upstream provider on today's Terraform bridge, with the mends of README.md.
package main

import (
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	shimv2 "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim/sdk-v2"
)

// sdkVersion is the version of pulumi_libvirt whose tokens these are.
const sdkVersion = "0.5.4"

// maxNameLength bounds the names that Pulumi makes up for resources without one.
const maxNameLength = 255

// resources maps the upstream resources to the classes of the SDK.
var resources = map[string]string{
	"libvirt_cloudinit_disk": "CloudInitDisk",
	"libvirt_combustion":     "Combustion",
	"libvirt_domain":         "Domain",
	"libvirt_ignition":       "Ignition",
	"libvirt_network":        "Network",
	"libvirt_pool":           "Pool",
	"libvirt_volume":         "Volume",
}

// dataSources maps the upstream data sources to the functions of the SDK.
var dataSources = map[string]string{
	"libvirt_network_dns_host_template":        "getNetworkDnsHostTemplate",
	"libvirt_network_dns_srv_template":         "getNetworkDnsSrvTemplate",
	"libvirt_network_dnsmasq_options_template": "getNetworkDnsmasqOptionsTemplate",
	"libvirt_node_device_info":                 "getNodeDeviceInfo",
	"libvirt_node_devices":                     "getNodeDevices",
	"libvirt_node_info":                        "getNodeInfo",
}

func providerInfo() tfbridge.ProviderInfo {
	info := tfbridge.ProviderInfo{
		P:           shimv2.NewProvider(mendedProvider()),
		Name:        "libvirt",
		Version:     sdkVersion,
		Resources:   map[string]*tfbridge.ResourceInfo{},
		DataSources: map[string]*tfbridge.DataSourceInfo{},
	}
	for name, class := range resources {
		// MakeResource gives libvirt:index/pool:Pool.
		info.Resources[name] = &tfbridge.ResourceInfo{
			Tok: tfbridge.MakeResource("libvirt", "index", class),
		}
	}
	for name, function := range dataSources {
		info.DataSources[name] = &tfbridge.DataSourceInfo{
			Tok: tfbridge.MakeDataSource("libvirt", "index", function),
		}
	}
	// Also makes a replacement delete first when the name is the user's own: were the new one
	// made first, it would adopt the old one, which the engine deletes right after.
	info.SetAutonaming(maxNameLength, "-")
	return info
}

func main() {
	tfbridge.Main("libvirt", sdkVersion, providerInfo(), []byte("{}"))
}
