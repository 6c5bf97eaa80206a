//! The types of Skiff: resources, fleet.yaml, names, digests, reasons, wire documents.
