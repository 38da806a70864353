"Reads everything from settings.ini, so that a name, version or dependency is told once."
from configparser import ConfigParser
from pathlib import Path
from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).parent
# what `stroke-nb init` writes into a workspace and a clone has at its top
WORKSPACE = (".gitignore", "schedule.yaml", "loop.yaml", *(f".github/workflows/{name}.yaml" for name in ("drift", "train", "publish")))


class build_with_workspace(build_py):
    "Copies the workspace's files into the package; a name's leading dot is left out, as find-and-copy tools skip such."
    def run(self):
        super().run()
        if self.editable_mode: return
        for name in WORKSPACE:
            target = Path(self.build_lib, "stroke_nb", "workspace", name.removeprefix("."))
            self.mkpath(str(target.parent))
            self.copy_file(str(HERE / name), str(target))


PAGES = {"Source": "", "Issues": "/issues", "Changes": "/blob/main/CHANGELOG.md"}

parser = ConfigParser(delimiters=["="], interpolation=None)
parser.read(Path(__file__).parent / "settings.ini", encoding="utf-8")
cfg = parser["DEFAULT"]

suffix = "_requirements"
extras = {key.removesuffix(suffix): cfg[key].split() for key in cfg if key.endswith(suffix)}
extras["all"] = sorted({requirement for name in extras if name not in ("dev", "spark") for requirement in extras[name]})   # what users need

setup(
    name=cfg["lib_name"],
    version=cfg["version"],
    description=cfg["description"],
    long_description=(Path(__file__).parent / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author=cfg["author"],
    author_email=cfg["author_email"],
    license="Apache-2.0",
    license_files=["LICENSE"],
    project_urls={name: f"https://github.com/{cfg['user']}/{cfg['repo']}{path}" for name, path in PAGES.items()},
    cmdclass={"build_py": build_with_workspace},
    keywords=cfg["keywords"].split(),
    python_requires=f">={cfg['min_python']},<3.15",
    # the job and app notebooks travel with the package, so that an installed copy can run them
    packages=[*find_packages(include=["stroke_nb", "stroke_nb.*"]), "stroke_nb.notebooks.jobs", "stroke_nb.notebooks.apps"],
    package_dir={"stroke_nb.notebooks.jobs": "nbs/notebooks", "stroke_nb.notebooks.apps": "nbs/apps"},
    package_data={
        "": ["assets/**/*", "records/*.yaml", "py.typed"],   # of each wing: templates, style, scripts, checklists; packaged records
        "stroke_nb.notebooks.jobs": ["*.ipynb"],
        "stroke_nb.notebooks.apps": ["*.ipynb", "*.json", "templates/**/*"],
    },
    # JupyterLab's scheduler then runs job notebooks as `stroke-nb run` does
    data_files=[("etc/jupyter", ["stroke_nb/automation/assets/jupyter_jupyter_scheduler_config.json"])],
    install_requires=cfg["requirements"].split(),
    extras_require=extras,
    entry_points={"console_scripts": cfg["console_scripts"].split()},
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Science/Research", "Intended Audience :: Healthcare Industry",
        "Topic :: Scientific/Engineering :: Medical Science Apps.",
        "Programming Language :: Python :: 3", "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12", "Programming Language :: Python :: 3.13",
        "Programming Language :: Python :: 3.14",
        "Framework :: Jupyter", "Typing :: Typed",
    ],
)
