"""Code that loads a variant without this project: what reports and model cards show. Knows nothing of torch."""

from __future__ import annotations

import json

from compressor.tasks.base import NUMBERS, SCORE, Task


def transformers_snippet(reference: str, task: Task, packages: str = "transformers torch", remark: str = "") -> str:
    """Load `reference` (a repo id or a folder) with plain transformers and run it once.

    Args:
        packages: what to install, as pip is told.
        remark: a comment behind the line that loads the model.
    """
    name = json.dumps(reference, ensure_ascii=False)
    behind = f"  # {remark}" if remark else ""
    return (
        f"# pip install {packages}\n"
        f"from transformers import {task.auto_class}, AutoTokenizer, pipeline\n"
        "\n"
        f"model = {task.auto_class}.from_pretrained({name}){behind}\n"
        f"tokenizer = AutoTokenizer.from_pretrained({name})\n"
        f'run = pipeline("{task.name}", model=model, tokenizer=tokenizer)\n'
        f"print(run({task.example}))\n"
    )


def onnx_snippet(reference: str, file: str, task: Task) -> str:
    """Load an ONNX file of `reference` (a repo id or a folder) with ONNX Runtime and classify one text with it."""
    name = json.dumps(reference, ensure_ascii=False)
    return (
        "# pip install onnxruntime transformers\n"
        "import onnxruntime\n"
        "from transformers import AutoConfig, AutoTokenizer\n"
        "from transformers.utils import cached_file\n"
        "\n"
        f"session = onnxruntime.InferenceSession(cached_file({name}, {json.dumps(file)}))\n"
        f"tokenizer, config = AutoTokenizer.from_pretrained({name}), AutoConfig.from_pretrained({name})\n"
        f'inputs = tokenizer({task.example}, return_tensors="np")\n'
        'logits = session.run(["logits"], {i.name: inputs[i.name][:1] for i in session.get_inputs()})[0][0]\n'
        "print({config.id2label[i]: float(logit) for i, logit in enumerate(logits)})\n"
    )


def openvino_snippet(reference: str, graph: str, weights: str, task: Task) -> str:
    """Load an OpenVINO model of `reference` (a repo id or a folder) with OpenVINO and classify one text with it."""
    name = json.dumps(reference, ensure_ascii=False)
    return (
        "# pip install openvino transformers\n"
        "import openvino\n"
        "from transformers import AutoConfig, AutoTokenizer\n"
        "from transformers.utils import cached_file\n"
        "\n"
        f"graph, weights = (cached_file({name}, file) for file in ({json.dumps(graph)}, {json.dumps(weights)}))\n"
        "core = openvino.Core()\n"
        'model = core.compile_model(core.read_model(graph, weights), "CPU")\n'
        f"tokenizer, config = AutoTokenizer.from_pretrained({name}), AutoConfig.from_pretrained({name})\n"
        f'inputs = tokenizer({task.example}, return_tensors="np")\n'
        'logits = model({i.any_name: inputs[i.any_name][:1] for i in model.inputs})["logits"][0]\n'
        "print({config.id2label[i]: float(logit) for i, logit in enumerate(logits)})\n"
    )


def transformers_js_snippet(reference: str, dtype: str, task: Task) -> str:
    """Run a repo's ONNX file in a web page or in Node, with transformers.js.

    Args:
        dtype: its name there of what is stored (`q8`, `fp32`).
    """
    name = json.dumps(reference, ensure_ascii=False)
    if task.kind in NUMBERS:  # its pipeline would make a probability of one number, which is always 1
        number = "logits.tolist()[0][0]"
        number = number if task.kind != SCORE else f"1 / (1 + Math.exp(-{number}))"
        return (
            "// npm install @huggingface/transformers\n"
            'import { AutoModelForSequenceClassification, AutoTokenizer } from "@huggingface/transformers";\n'
            "\n"
            f'const model = await AutoModelForSequenceClassification.from_pretrained({name}, {{ dtype: "{dtype}" }});\n'
            f"const tokenizer = await AutoTokenizer.from_pretrained({name});\n"
            f"const {{ logits }} = await model(await tokenizer({task.example}));\n"
            f"console.log({number});\n"
        )
    return (
        "// npm install @huggingface/transformers\n"
        'import { pipeline } from "@huggingface/transformers";\n'
        "\n"
        f'const run = await pipeline("{task.name}", {name}, {{ dtype: "{dtype}" }});\n'
        f"console.log(await run({task.example}));\n"
    )
