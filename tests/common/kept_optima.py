"""What evaluate.py keeps of Gatys optima: prints how many were painted after each of its questions. kept_optima.py FILE"""

import sys
from pathlib import Path
from types import ModuleType

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))
painted = []
gatys = ModuleType("evaluation.gatys")  # in its place: PyTorch is not here, and an optimum takes minutes
gatys.STEPS, gatys.CONTENT_WEIGHT = 100, 0.2
gatys.optimum = lambda weights_file, photo, painting, threads: painted.append(photo) or photo
sys.modules["evaluation.gatys"] = gatys

from evaluation.measures import ALL_LAYERS  # noqa: E402
from evaluation.optima import Optima  # noqa: E402

file = Path(sys.argv[1])
vgg = lambda picture: dict.fromkeys((*ALL_LAYERS, "relu3_3"), picture.astype(float))  # noqa: E731
photo, other, painting = (np.full((4, 6, 3), level, np.uint8) for level in (10, 30, 20))
optima = Optima(file, __file__, vgg, 1)
for pair in ((photo, painting), (photo, painting), (other, painting)):
    assert optima.measure(*pair)["content"] == 0
    print(len(painted))
gatys.optimum = None
again = Optima(file, __file__, vgg, 1)
assert again.measure(photo, painting) == optima.measure(photo, painting)
assert again.measure(photo, painting)["photo_distance"] == 0.25
gatys.STEPS = 50
try:
    Optima(file, __file__, vgg, 1).measure(photo, painting)
except TypeError:  # of what is None: painted anew, since it is another optimum
    print("anew")
for text in ("{", "[]"):
    file.write_text(text)
    try:
        Optima(file, __file__, vgg, 1)
    except ValueError as error:
        print(error)
