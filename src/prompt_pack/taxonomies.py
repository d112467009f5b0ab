"""Loads the taxonomies of factors, one for each building type."""

import texts.reports
from datamodels import BuildingType
from errors import BadReportPack
from prompt_pack.files import PackFiles, check_unique
from prompt_pack.manifest import TaxonomyManifest
from prompt_pack.models import Category, Factor, Taxonomy

TAXONOMIES = "taxonomies"


def load_taxonomies(files: PackFiles) -> dict[BuildingType, Taxonomy]:
    """Load the taxonomies of all building types.

    Raises:
        BadReportPack: a file is missing or wrong, or two taxonomies differ in their categories.
    """
    taxonomies: dict[BuildingType, Taxonomy] = {}
    for building in BuildingType:
        path = f"{TAXONOMIES}/{building}.yaml"
        manifest = files.manifest(path, TaxonomyManifest)
        if manifest.building is not building:
            raise BadReportPack(reason=texts.reports.PACK_OTHER_BUILDING.format(path=path, building=building))
        check_unique(path, texts.reports.WHAT_CATEGORY, [category.id for category in manifest.categories])
        check_unique(
            path, texts.reports.WHAT_FACTOR, [each.id for category in manifest.categories for each in category.factors]
        )
        categories = tuple(
            Category(
                id=category.id,
                label=category.label,
                factors=tuple(
                    Factor(
                        id=each.id,
                        label=each.label,
                        hint=each.hint,
                        category=category.id,
                        category_label=category.label,
                    )
                    for each in category.factors
                ),
            )
            for category in manifest.categories
        )
        taxonomies[building] = Taxonomy(building=building, label=manifest.label, categories=categories)
    first, *others = taxonomies.values()
    for other in others:
        if {each.id for each in other.categories} != {each.id for each in first.categories}:
            path, other_path = (f"{TAXONOMIES}/{each.building}.yaml" for each in (other, first))
            raise BadReportPack(reason=texts.reports.PACK_OTHER_CATEGORIES.format(path=path, other=other_path))
    return taxonomies
