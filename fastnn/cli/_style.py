"""How a report looks: its style sheet, and matplotlib's settings for the pictures in it."""

from __future__ import annotations

INK, FAINT, LINE = "#1c2430", "#667085", "#e4e7ec"
BLUE, ORANGE = "#2860c8", "#d9661f"

CSS = f"""
:root {{ color-scheme: light; }}
* {{ box-sizing: border-box; }}
body {{ margin: 0; background: #f6f7f9; color: {INK}; line-height: 1.5; font-size: 15px;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", Arial,
  sans-serif; }}
main {{ max-width: 960px; margin: 0 auto; padding: 40px 24px 56px; }}
header p, footer, .note {{ color: {FAINT}; }}
h1 {{ font-size: 30px; line-height: 1.2; margin: 0 0 6px; letter-spacing: -.01em;
  overflow-wrap: anywhere; }}
h2 {{ font-size: 18px; margin: 0 0 4px; }}
p {{ margin: 0 0 12px; }}
.note {{ font-size: 13.5px; }}
.facts {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); gap: 12px;
  margin: 24px 0; }}
.facts div, section {{ background: #fff; border: 1px solid {LINE}; border-radius: 10px; }}
.facts div {{ padding: 14px 16px; }}
.facts b {{ display: block; font-size: 24px; font-weight: 650; letter-spacing: -.01em;
  font-variant-numeric: tabular-nums; white-space: nowrap; }}
.facts span {{ color: {FAINT}; font-size: 13px; }}
section {{ padding: 22px 24px; margin: 16px 0; }}
.wide {{ overflow-x: auto; }}
table {{ border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums;
  font-size: 14px; }}
th {{ text-align: left; font-weight: 600; color: {FAINT}; font-size: 13px; white-space: nowrap; }}
th, td {{ padding: 7px 12px 7px 0; border-bottom: 1px solid {LINE}; vertical-align: baseline; }}
tr:last-child td {{ border-bottom: 0; }}
.right {{ text-align: right; white-space: nowrap; }}
.right + th, .right + td {{ padding-left: 12px; }}
.faint {{ color: {FAINT}; }}
.name {{ font-weight: 550; overflow-wrap: break-word; }}
.best {{ font-weight: 650; }}
.bar {{ width: 55%; }}
.bar div {{ height: 14px; background: {BLUE}; border-radius: 3px; min-width: 1px; }}
.pictures {{ display: flex; flex-wrap: wrap; gap: 20px; justify-content: space-around;
  align-items: flex-start; }}
.pictures figure {{ margin: 0; flex: 1 1 380px; max-width: 640px; }}
figure svg {{ width: 100%; height: auto; display: block; margin: 0 auto; }}
figure svg text {{ font-family: inherit !important; }}
code, pre {{ font-family: ui-monospace, "Cascadia Mono", Menlo, Consolas, "Liberation Mono",
  monospace; font-size: 13px; }}
pre {{ background: #f6f7f9; border-radius: 6px; padding: 10px 12px; margin: 8px 0 0;
  white-space: pre-wrap; overflow-wrap: anywhere; }}
footer {{ font-size: 13px; margin-top: 24px; }}
@media (max-width: 600px) {{ main {{ padding: 20px 12px; }} section {{ padding: 16px; }}
  h1 {{ font-size: 24px; }} .pictures figure {{ flex-basis: 100%; }} .what {{ display: none; }} }}
@media print {{ body {{ background: #fff; font-size: 10.5pt; }}
  main {{ max-width: none; padding: 0; }}
  section, .facts div {{ break-inside: avoid; border-color: #cfd4dc; }}
  section.long {{ break-inside: auto; }} tr, figure {{ break-inside: avoid; }}
  h2, .note, thead {{ break-after: avoid; }} figure svg {{ max-height: 80mm; }}
  .pictures {{ flex-wrap: nowrap; }} .pictures figure {{ flex-basis: 0; max-width: none; }}
  .facts {{ grid-template-columns: repeat(5, 1fr); gap: 8px; }} .facts b {{ font-size: 16pt; }}
  .bar div {{ print-color-adjust: exact; -webkit-print-color-adjust: exact; }}
  @page {{ margin: 16mm; }} }}
"""

RC = {
    "axes.edgecolor": LINE,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.labelcolor": FAINT,
    "axes.labelsize": 10,
    "axes.prop_cycle": f"cycler('color', ['{BLUE}', '{ORANGE}'])",
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "font.size": 10,
    "grid.color": LINE,
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "legend.fontsize": 10,
    "lines.linewidth": 2,
    "savefig.dpi": 144,
    "svg.fonttype": "none",  # text stays text, in the page's own font
    "text.color": INK,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
}
