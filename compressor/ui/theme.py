"""The look: a calm gradio theme with fonts that every machine has (nothing is fetched), in light and dark, WCAG AA."""

from __future__ import annotations

from pathlib import Path

from gradio.themes import Base
from gradio.themes.utils import colors

CSS = Path(__file__).resolve().parent.parent.parent / "assets" / "style.css"

SANS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "Helvetica Neue", "Arial", "sans-serif")
MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "Liberation Mono", "monospace")


TOKENS = {
    "body_background_fill": "#f6f7f8",
    "body_background_fill_dark": "#0e1418",
    "body_text_color": "#16212b",
    "body_text_color_dark": "#e6ebef",
    "body_text_color_subdued": "#52606d",
    "body_text_color_subdued_dark": "#a3b0bb",
    "background_fill_primary": "#ffffff",
    "background_fill_primary_dark": "#161e24",
    "background_fill_secondary": "#f1f3f5",
    "background_fill_secondary_dark": "#1c262d",
    "border_color_primary": "#d9dee3",
    "border_color_primary_dark": "#2e3a43",
    "block_background_fill": "#ffffff",
    "block_background_fill_dark": "#161e24",
    "block_border_width": "0px",
    "block_shadow": "none",
    "block_padding": "0px",
    "block_radius": "10px",
    "block_label_text_color": "#3d4a56",
    "block_label_text_color_dark": "#c3ced7",
    "block_title_text_color": "#16212b",
    "block_title_text_color_dark": "#e6ebef",
    "block_title_text_weight": "600",
    "block_info_text_color": "#52606d",
    "block_info_text_color_dark": "#a3b0bb",
    "input_background_fill": "#ffffff",
    "input_background_fill_dark": "#10181d",
    "input_border_color": "#8794a0",
    "input_border_color_dark": "#5d6c78",
    "input_border_width": "1px",
    "input_border_color_focus": "#0f766e",
    "input_border_color_focus_dark": "#5eead4",
    "input_placeholder_color": "#64717d",
    "input_placeholder_color_dark": "#93a1ad",
    "input_radius": "8px",
    "link_text_color": "#0f6a63",
    "link_text_color_dark": "#5eead4",
    "color_accent": "#0f766e",
    "color_accent_soft": "#e3f3f1",
    "color_accent_soft_dark": "#12332f",
    "button_primary_background_fill": "#0f766e",
    "button_primary_background_fill_dark": "#2dd4bf",
    "button_primary_background_fill_hover": "#0b5d57",
    "button_primary_background_fill_hover_dark": "#5eead4",
    "button_primary_text_color": "#ffffff",
    "button_primary_text_color_dark": "#06201d",
    "button_primary_text_color_hover_dark": "#06201d",
    "button_secondary_background_fill": "#ffffff",
    "button_secondary_background_fill_dark": "#1c262d",
    "button_secondary_background_fill_hover": "#eef1f3",
    "button_secondary_background_fill_hover_dark": "#26323b",
    "button_secondary_border_color": "#8794a0",
    "button_secondary_border_color_dark": "#5d6c78",
    "button_secondary_text_color": "#16212b",
    "button_secondary_text_color_dark": "#e6ebef",
    "button_cancel_background_fill": "#ffffff",
    "button_cancel_background_fill_dark": "#1c262d",
    "button_cancel_background_fill_hover": "#fdecea",
    "button_cancel_background_fill_hover_dark": "#3b1d1b",
    "button_cancel_border_color": "#b3261e",
    "button_cancel_border_color_dark": "#f2a69f",
    "button_cancel_text_color": "#b3261e",
    "button_cancel_text_color_dark": "#f2a69f",
    "button_border_width": "1px",
    "button_large_radius": "8px",
    "button_medium_radius": "8px",
    "button_small_radius": "8px",
    "checkbox_background_color_selected": "#0f766e",
    "checkbox_background_color_selected_dark": "#0f766e",
    "checkbox_border_color": "#6b7884",
    "checkbox_border_color_dark": "#7c8a96",
    "checkbox_border_color_selected": "#0f766e",
    "checkbox_border_color_selected_dark": "#2dd4bf",
    "checkbox_label_background_fill_selected": "#e3f3f1",
    "checkbox_label_background_fill_selected_dark": "#12332f",
    "checkbox_label_text_color_selected": "#0a4d48",
    "checkbox_label_text_color_selected_dark": "#ccfbf1",
    "slider_color": "#0f766e",
    "slider_color_dark": "#2dd4bf",
    "section_header_text_size": "*text_md",
    "layout_gap": "14px",
    "form_gap_width": "0px",
}
"""What differs from gradio's base; a name that ends in `_dark` is for the dark mode."""


def make() -> Base:
    """The theme, a few tokens away from gradio's base."""
    theme = Base(
        primary_hue=colors.teal, secondary_hue=colors.slate, neutral_hue=colors.slate, font=SANS, font_mono=MONO
    )
    return theme.set(**TOKENS)
