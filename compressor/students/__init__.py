"""What the smaller model looks like: which shapes are possible, what they weigh, and how one is made out of the teacher.

Everything here takes a config or a model in memory; nothing is loaded or downloaded. Imports without torch.
"""

from compressor.students.build import build_student, copied
from compressor.students.memory import training_memory
from compressor.students.presets import plan
from compressor.students.shapes import Shape, student_config
from compressor.students.sizes import SizeRow, shape_row, size_table, teacher_row

__all__ = [
    "Shape",
    "SizeRow",
    "build_student",
    "copied",
    "plan",
    "shape_row",
    "size_table",
    "student_config",
    "teacher_row",
    "training_memory",
]
