# SPDX-License-Identifier: Apache-2.0
"""Lets the face mesh hand out its feature map for nothing.

TFLite keeps pictures as rows of pixels of channels, and so does OpenVINO's CPU plugin inside. But an output in the middle
of the graph that is transposed for one reader and back for the next costs it three copies of the map: .4 of the mesh's
1.6 ms. Here the next layers read the map as it is, and the output is told in a way that the plugin sees to be a view.
"""

import numpy as np
from openvino import opset13 as opset


def tell_features_as_rows(model) -> None:
    """Replaces the output 1×48×48×32 by 1×2304×32, of the same numbers in the same order."""
    (result,) = (one for one in model.get_results() if list(one.input(0).get_shape()) == [1, 48, 48, 32])
    transpose = result.input(0).get_source_output().get_node()
    if transpose.get_type_name() != "Transpose":
        raise SystemExit("prepare_vision: the mesh's feature map is not what it was; is this another OpenVINO?")
    planes = transpose.input(0).get_source_output()
    for reader in list(transpose.output(0).get_target_inputs()):
        back = reader.get_node()
        if back.get_type_name() == "Transpose":
            for following in list(back.output(0).get_target_inputs()):
                following.replace_source_output(planes)
    flat = opset.reshape(planes, np.array([1, 32, 48 * 48]), False)
    result.input(0).replace_source_output(opset.transpose(flat, np.array([0, 2, 1])).output(0))
    model.validate_nodes_and_infer_types()
