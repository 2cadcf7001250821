"""Assigning new points to a saved model."""

from __future__ import annotations

from dataclasses import replace

from howdah.errors import UserError
from howdah.launcher.models import read_model
from howdah.layout import some_of


def plan_of_options(launch, options) -> dict:
    """The plan of an assignment: the model's centroids and space."""
    if not options.model:
        raise UserError("--model is missing; give the model.json of a driver's run.")
    return assign_plan(launch, read_model(options.model, launch.files))


def assign_plan(launch, model) -> dict:
    layout = launch.inputs.layout
    if layout.sparse:
        layout = replace(layout, width=model.width)
    elif _is_named(layout) and set(model.columns) <= set(layout.columns or ()):
        layout = _with_columns(layout, model.columns)
    if layout.n_columns != model.width:
        raise UserError("The input has %d columns (%s), but the model has %d (%s)."
                        % (layout.n_columns, some_of(layout.column_names()), model.width,
                           some_of(model.columns)))
    return {"centroids": model.centroids, "space": model.space().to_dict(),
            "metric": model.metric, "layout": layout.to_dict()}


def _is_named(layout) -> bool:
    """Whether the columns have names of their own, and not only their positions."""
    return layout.column_names() != [str(i) for i in layout.numeric]


def _with_columns(layout, columns: list):
    """The layout with the model's columns, by name and in its order; others are left out."""
    position = dict(zip(layout.columns, layout.numeric))
    return replace(layout, columns=tuple(columns), numeric=tuple(position[c] for c in columns))
