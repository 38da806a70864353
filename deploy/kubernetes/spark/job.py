"The command `stroke-nb` as a file that spark-submit starts: it takes none whose name doesn't end in .py."
from stroke_nb.cli import app

app()
