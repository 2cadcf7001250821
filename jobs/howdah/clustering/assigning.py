"""Assigning new points to a saved model."""

from __future__ import annotations

from dataclasses import replace
from typing import Optional

from howdah.clustering.memory_laws import refuse_large_round
from howdah.clustering.models import read_model
from howdah.errors import UserError
from howdah.input.columns import in_order_of
from howdah.input.layout import some_of
from howdah.input.row_counts import RowCounts
from howdah.launch.script import run_or_print
from howdah.task.plans import AssignPlan


def run_alone(launch) -> Optional[RowCounts]:
    """Labels of new points as a script of its own, by a saved model."""
    return run_or_print(launch, plan_of_options(launch))


def plan_of_options(launch) -> AssignPlan:
    """The plan of labels by the model that the options name."""
    path = launch.options.model
    if not path:
        raise UserError("--model is missing; give the model.json of a driver's run.")
    return assign_plan(launch, read_model(path, launch.files), "the model %s" % path)


def assign_plan(launch, model, name: str = "the model") -> AssignPlan:
    """The model's centroids and space, and the input's columns in the model's order."""
    layout = launch.inputs.layout
    if layout.sparse:
        layout = replace(layout, width=model.width)
    layout = in_order_of(model.columns, layout, "those of " + name)
    if layout.n_columns != model.width:
        raise UserError("The input has %s columns (%s), but the model has %d (%s)."
                        % (layout.n_columns, some_of(layout.column_names()), model.width,
                           some_of(model.columns)))
    refuse_large_round(launch, *model.centroids.shape)
    return AssignPlan(layout, model.metric, model.space(), model.centroids)
