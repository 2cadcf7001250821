"""Assigning new points to a saved model."""

from __future__ import annotations

from dataclasses import replace

from howdah.input.columns import in_order_of
from howdah.errors import UserError
from howdah.clustering.models import read_model
from howdah.input.layout import some_of


def plan_of_options(launch, options) -> dict:
    """The plan of an assignment: the model's centroids and space."""
    if not options.model:
        raise UserError("--model is missing; give the model.json of a driver's run.")
    return assign_plan(launch, read_model(options.model, launch.files),
                       "the model %s" % options.model)


def assign_plan(launch, model, name: str = "the model") -> dict:
    layout = launch.inputs.layout
    if layout.sparse:
        layout = replace(layout, width=model.width)
    layout = in_order_of(model.columns, layout, "those of " + name)
    if layout.n_columns != model.width:
        raise UserError("The input has %s columns (%s), but the model has %d (%s)."
                        % (layout.n_columns, some_of(layout.column_names()), model.width,
                           some_of(model.columns)))
    return {"centroids": model.centroids, "space": model.space().to_dict(),
            "metric": model.metric, "layout": layout.to_dict()}
