"""The small guest's reader of NoCloud seeds; runs inside the guest, at boot."""
