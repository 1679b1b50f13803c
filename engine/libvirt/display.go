package main

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/terraform-plugin-sdk/v2/diag"
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/schema"
)

// visible writes what a terminal would obey instead of showing it as \x1b and the like, as
// guesthouse.display does: control characters, marks that turn the direction of writing, line
// separators, what is no UTF-8. Line feeds and tabs stay.
func visible(text string) string {
	var shown strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&shown, `\x%02x`, text[i])
		case r == '\n' || r == '\t':
			shown.WriteRune(r)
		case r < 0x20 || r >= 0x7f && r <= 0x9f:
			fmt.Fprintf(&shown, `\x%02x`, r)
		case r == 0x061c || r == 0x200e || r == 0x200f || r >= 0x2028 && r <= 0x202e ||
			r >= 0x2066 && r <= 0x2069 || r == 0xfffe || r == 0xffff:
			fmt.Fprintf(&shown, `\u%04x`, r)
		default:
			shown.WriteRune(r)
		}
		i += size
	}
	return shown.String()
}

// showOnly lets an operation's errors hold nothing that a terminal obeys: a host's libvirt words
// them.
func showOnly(operation crud) crud {
	if operation == nil {
		return nil
	}
	return func(ctx context.Context, d *schema.ResourceData, meta any) diag.Diagnostics {
		found := operation(ctx, d, meta)
		for i := range found {
			found[i].Summary, found[i].Detail = visible(found[i].Summary), visible(found[i].Detail)
		}
		return found
	}
}

// showErrorsOf does that for all operations of a class.
func showErrorsOf(resource *schema.Resource) {
	resource.CreateContext = schema.CreateContextFunc(showOnly(crud(resource.CreateContext)))
	resource.ReadContext = schema.ReadContextFunc(showOnly(crud(resource.ReadContext)))
	resource.UpdateContext = schema.UpdateContextFunc(showOnly(crud(resource.UpdateContext)))
	resource.DeleteContext = schema.DeleteContextFunc(showOnly(crud(resource.DeleteContext)))
}
