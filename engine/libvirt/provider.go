package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/digitalocean/go-libvirt"
	upstream "github.com/dmacvicar/terraform-provider-libvirt/libvirt"
	"github.com/hashicorp/terraform-plugin-sdk/v2/diag"
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/schema"
)

// crud is the shape that Create, Read, Update and Delete share.
type crud func(context.Context, *schema.ResourceData, any) diag.Diagnostics

// mendedProvider is the upstream provider with lazy connections and our pools and networks.
func mendedProvider() *schema.Provider {
	provider := upstream.Provider()
	provider.ConfigureFunc = nil
	provider.ConfigureContextFunc = configure
	for _, resource := range provider.ResourcesMap {
		resource.CreateContext = schema.CreateContextFunc(onUpstream(crud(resource.CreateContext)))
		resource.ReadContext = schema.ReadContextFunc(onUpstream(crud(resource.ReadContext)))
		resource.UpdateContext = schema.UpdateContextFunc(onUpstream(crud(resource.UpdateContext)))
		resource.DeleteContext = schema.DeleteContextFunc(onUpstream(crud(resource.DeleteContext)))
	}
	for name, source := range provider.DataSourcesMap {
		if !strings.HasPrefix(name, "libvirt_node_") {
			continue // the templates of DNS and dnsmasq ask no host
		}
		source.ReadContext = schema.ReadContextFunc(onUpstream(contextual(source.Read)))
		source.Read = nil
	}
	mendPool(provider.ResourcesMap["libvirt_pool"])
	mendNetwork(provider.ResourcesMap["libvirt_network"])
	for name, resource := range provider.ResourcesMap {
		keepMaintenance(name, resource)
		showErrorsOf(resource)
	}
	for _, source := range provider.DataSourcesMap {
		showErrorsOf(source)
	}
	return provider
}

// configure only keeps the URI: a preview in which nothing of this host changes, needs no host.
func configure(_ context.Context, d *schema.ResourceData) (any, diag.Diagnostics) {
	host, err := newHost(d.Get("uri").(string))
	if err != nil {
		return nil, diag.FromErr(err)
	}
	return host, nil
}

// onLink runs an operation of ours on the host's connection, which is made at the first use.
func onLink(operation func(context.Context, *schema.ResourceData, *link) error) crud {
	return func(ctx context.Context, d *schema.ResourceData, meta any) diag.Diagnostics {
		link, err := meta.(*host).connect(ctx)
		if err != nil {
			return diag.FromErr(err)
		}
		return diag.FromErr(operation(ctx, d, link))
	}
}

// onUpstream does the same for an operation of the upstream provider. What it panics on (a
// hostdev network has no bridge) becomes an error: a crash would leave the stack locked.
func onUpstream(operation crud) crud {
	if operation == nil {
		return nil
	}
	return func(ctx context.Context, d *schema.ResourceData, meta any) (found diag.Diagnostics) {
		link, err := meta.(*host).connect(ctx)
		if err != nil {
			return diag.FromErr(err)
		}
		defer func() {
			if reason := recover(); reason != nil {
				found = diag.Errorf("%s: the upstream provider failed: %v", link.name, reason)
			}
		}()
		return operation(ctx, d, link.upstream)
	}
}

// contextual lifts a data source's old kind of read.
func contextual(read schema.ReadFunc) crud {
	return func(_ context.Context, d *schema.ResourceData, meta any) diag.Diagnostics {
		return diag.FromErr(read(d, meta))
	}
}

// inOrder runs operations until one fails.
func inOrder(operations ...crud) crud {
	return func(ctx context.Context, d *schema.ResourceData, meta any) diag.Diagnostics {
		var found diag.Diagnostics
		for _, operation := range operations {
			if found = append(found, operation(ctx, d, meta)...); found.HasError() {
				break
			}
		}
		return found
	}
}

// keepsTrue plans the flags that Read found false back to true, which calls Update: a pool or
// network that somebody stopped shows in the preview and is started again. On a host in maintenance
// nothing is planned, since all would be refused.
func keepsTrue(flags ...string) schema.CustomizeDiffFunc {
	return func(_ context.Context, d *schema.ResourceDiff, meta any) error {
		if h, configured := meta.(*host); configured {
			if held, err := h.inMaintenance(); held || err != nil {
				return err
			}
		}
		for _, flag := range flags {
			if d.Id() == "" || d.Get(flag).(bool) {
				continue
			}
			if err := d.SetNew(flag, true); err != nil {
				return err
			}
		}
		return nil
	}
}

// observed is a flag that only Read and keepsTrue write.
func observed(description string) *schema.Schema {
	return &schema.Schema{Type: schema.TypeBool, Computed: true, Description: description}
}

// isCode tells whether libvirt's answer carries this error code.
func isCode(err error, code libvirt.ErrorNumber) bool {
	var answer libvirt.Error
	return errors.As(err, &answer) && answer.Code == uint32(code)
}

// problem is an error in the project's form: where, what is wrong, and the next action.
func problem(where, what, hint string) error {
	return fmt.Errorf("%s: %s\n  hint: %s", where, what, hint)
}
