package main

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-sdk/v2/diag"
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/schema"
)

// What a host's libvirt may say, and how it is shown: the same words as guesthouse.display.
var hostile = map[string]string{
	"\x1b]52;c;Y3VybA==\x07":   `\x1b]52;c;Y3VybA==\x07`,
	"\x1b[2J\x1b[8m":           `\x1b[2J\x1b[8m`,
	"\u009b2J":                 `\x9b2J`,
	"\rall is as declared":     `\x0dall is as declared`,
	"\x00\x08\x0b\x7f":         `\x00\x08\x0b\x7f`,
	"\u202e\u2066\u200f\u061c": `\u202e\u2066\u200f\u061c`,
	"\u2028\u0085":             `\u2028\x85`,
	"\xff\xfe":                 `\xff\xfe`,
	"größer [b] → 日本 😀\n\ta":   "größer [b] → 日本 😀\n\ta",
}

func TestErrorsHoldNothingThatATerminalObeys(t *testing.T) {
	for said, want := range hostile {
		resource := &schema.Resource{
			ReadContext: func(context.Context, *schema.ResourceData, any) diag.Diagnostics {
				return diag.Diagnostics{{Summary: errors.New(said).Error(), Detail: said}}
			},
		}
		showErrorsOf(resource)
		found := resource.ReadContext(context.Background(), nil, nil)
		if found[0].Summary != want || found[0].Detail != want {
			t.Errorf("%q is shown as %q and %q, want %q", said, found[0].Summary, found[0].Detail, want)
		}
		if resource.CreateContext != nil {
			t.Error("an operation that is not there was made")
		}
	}
}

// Each operation of each class has it: the name of this host comes back in their errors.
func TestEveryOperationShowsItsErrors(t *testing.T) {
	held := &host{sshName: "h\x1b[2J", maintenance: true}
	tried := 0
	for name, resource := range mendedProvider().ResourcesMap {
		for _, operation := range []crud{
			crud(resource.CreateContext), crud(resource.UpdateContext), crud(resource.DeleteContext),
		} {
			if operation == nil {
				continue
			}
			tried++
			found := operation(context.Background(), resource.TestResourceData(), held)
			if !found.HasError() || !strings.Contains(found[0].Summary, `h\x1b[2J`) {
				t.Errorf("%s: %v", name, found)
			}
		}
	}
	if tried < 14 {
		t.Errorf("only %d operations were tried", tried)
	}
}
