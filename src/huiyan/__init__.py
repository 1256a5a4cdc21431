"""Huiyan: self-hostable image recognition over the wire of Huawei Cloud Image Recognition."""
