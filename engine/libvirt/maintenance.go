package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/hashicorp/terraform-plugin-sdk/v2/diag"
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/schema"
)

// maintenanceVariable is what the guesthouse command says of its hosts: a JSON object, host name
// -> flag. It is newer than the uri, which in a refresh or destroy is the one of the last `up`.
const maintenanceVariable = "GUESTHOUSE_MAINTENANCE"

// inMaintenance tells whether the host is to be left alone, by what is declared now.
func (h *host) inMaintenance() (bool, error) {
	text := os.Getenv(maintenanceVariable)
	if text == "" {
		return h.maintenance, nil
	}
	var declared map[string]bool
	if err := json.Unmarshal([]byte(text), &declared); err != nil {
		return false, problem(maintenanceVariable, fmt.Sprintf("is no JSON object of flags: %v", err),
			"unset it: the guesthouse command sets it")
	}
	if flag, known := declared[h.sshName]; known {
		return flag, nil
	}
	return h.maintenance, nil
}

// keepMaintenance lets no operation of a class reach a host in maintenance: a read leaves the
// state as it is, anything else is refused.
func keepMaintenance(class string, resource *schema.Resource) {
	kind := strings.TrimPrefix(class, "libvirt_")
	read, refuse := leftAlone(kind, true), leftAlone(kind, false)
	resource.CreateContext = schema.CreateContextFunc(refuse(crud(resource.CreateContext)))
	resource.ReadContext = schema.ReadContextFunc(read(crud(resource.ReadContext)))
	resource.UpdateContext = schema.UpdateContextFunc(refuse(crud(resource.UpdateContext)))
	resource.DeleteContext = schema.DeleteContextFunc(refuse(crud(resource.DeleteContext)))
}

// leftAlone guards operations. A read without a name is an import, which has no state to keep.
func leftAlone(kind string, keepsState bool) func(crud) crud {
	return func(operation crud) crud {
		if operation == nil {
			return nil
		}
		return func(ctx context.Context, d *schema.ResourceData, meta any) diag.Diagnostics {
			h := meta.(*host)
			held, err := h.inMaintenance()
			if err != nil {
				return diag.FromErr(err)
			}
			name, _ := d.Get("name").(string)
			if !held {
				return operation(ctx, d, meta)
			}
			if keepsState && name != "" {
				return nil
			}
			return diag.FromErr(problem(strings.TrimSpace(kind+" "+name),
				fmt.Sprintf("its host '%s' is in maintenance", h.sshName),
				fmt.Sprintf("end it by `hosts.%s.maintenance: false`, then run the command again",
					h.sshName)))
		}
	}
}
