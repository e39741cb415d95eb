"""How curves are told apart."""

from sdr_ota.report.plots import curve_style, joined_style, marker_style


def test_curves_differ_in_colour_and_shape_and_many_of_them_in_one_of_both() -> None:
    for style, shape in ((curve_style, "linestyle"), (marker_style, "marker")):
        drawn = [(style(index)["color"], style(index)[shape]) for index in range(36)]
        assert len(set(drawn)) == 36
        assert len({colour for colour, _ in drawn[:6]}) == 6
        assert len({form for _, form in drawn[:6]}) == 6


def test_a_joined_curve_is_its_line_with_its_markers() -> None:
    for index in (0, 7):
        assert joined_style(index) == {**marker_style(index), **curve_style(index)}
        assert joined_style(index)["linestyle"] != "none"
