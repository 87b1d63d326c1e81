"""Catalog files: the service catalog read from our own YAML, or from Backstage's catalog-info.yaml."""

from nexus.world.catalog_file.reading import read_catalog

__all__ = ["read_catalog"]
