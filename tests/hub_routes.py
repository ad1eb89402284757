"""The loopback Hub's answers, one function an endpoint: (server, request, body) → response."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlencode

import yaml
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from tests.hub_store import Blob, Repo, is_lfs

if TYPE_CHECKING:
    from tests.hub_server import HubServer

LFS_JSON = "application/vnd.git-lfs+json"


def _refuse(status: int, message: str, code: str | None = None, **headers: str) -> Exception:
    from tests.hub_server import Refusal

    return Refusal(status, message, code, **headers)


def whoami(hub: HubServer, request: Request, body: bytes) -> Response:
    user = hub.user(request)
    token: dict[str, Any] = {"displayName": "test", "role": user.role}
    if user.role == "fineGrained":
        scoped = [{"entity": {"type": "user", "name": n}, "permissions": ["repo.write"]} for n in user.may_write]
        token["fineGrained"] = {"global": [], "scoped": scoped}
    return JSONResponse(
        {
            "type": "user",
            "id": hashlib.md5(user.name.encode()).hexdigest()[:24],
            "name": user.name,
            "fullname": user.name.title(),
            "orgs": [{"type": "org", "name": o, "fullname": o, "roleInOrg": "admin"} for o in user.orgs],
            "auth": {"type": "access_token", "accessToken": token},
        }
    )


def validate_yaml(hub: HubServer, request: Request, body: bytes) -> Response:
    found = re.match(r"---\n(.*?)\n---", json.loads(body)["content"], re.DOTALL)
    try:
        head = yaml.safe_load(found[1]) if found else {}
    except yaml.YAMLError as error:
        return JSONResponse({"errors": [{"message": str(error)}], "warnings": []}, 400)
    relation = (head or {}).get("base_model_relation", "finetune")
    if relation not in ("finetune", "quantized", "adapter", "merge"):
        return JSONResponse({"errors": [{"message": f"unknown relation {relation}"}], "warnings": []}, 400)
    return JSONResponse({"errors": [], "warnings": []})


def nothing(hub: HubServer, request: Request, body: bytes) -> Response:
    raise _refuse(404, "Not found")


# ---------------------------------------------------------------------- repos


def create_repo(hub: HubServer, request: Request, body: bytes) -> Response:
    user, spec = hub.user(request), json.loads(body)
    owner, kind = spec.get("organization") or user.name, spec.get("type") or "model"
    repo_id = f"{owner}/{spec['name']}"
    if not user.writes(owner):
        raise _refuse(403, f'You don\'t have the rights to create a {kind} under the namespace "{owner}"')
    url = f"{hub.url}/{'' if kind == 'model' else kind + 's/'}{repo_id}"
    if (kind, repo_id) in hub.repos:
        return JSONResponse({"error": f"You already created this {kind} repo", "url": url}, 409)
    hub.add(repo_id, {}, kind, private=spec.get("visibility") == "private" or bool(spec.get("private")))
    return JSONResponse({"url": url, "name": repo_id, "id": repo_id})


def delete_repo(hub: HubServer, request: Request, body: bytes) -> Response:
    user, spec = hub.user(request), json.loads(body)
    owner, kind = spec.get("organization") or user.name, spec.get("type") or "model"
    if not user.writes(owner):
        raise _refuse(403, "You don't have the rights to delete this repo")
    if hub.repos.pop((kind, f"{owner}/{spec['name']}"), None) is None:
        raise _refuse(404, "Repository not found", "RepoNotFound")
    return JSONResponse({})


def change_settings(hub: HubServer, request: Request, body: bytes) -> Response:
    repo, spec = hub.repo(request, write=True), json.loads(body)
    repo.private = spec.get("private", spec.get("visibility") == "private")
    return JSONResponse({"private": repo.private})


def repo_info(hub: HubServer, request: Request, body: bytes) -> Response:
    repo = hub.repo(request)
    oid, _ = snapshot(request, repo)
    return JSONResponse(repo.info(oid, request.query_params.get("blobs", "").lower() in ("1", "true")))


def list_repos(hub: HubServer, request: Request, body: bytes) -> Response:
    user, query = hub.user(request, required=False), request.query_params
    kind = request.path_params["kind"].removesuffix("s")
    found = []
    for repo in hub.repos.values():
        if repo.type != kind or (repo.private and not (user and repo.id.split("/")[0] == user.name)):
            continue
        info = repo.info(repo.refs["main"])
        tags = {*info["tags"], info["pipeline_tag"], info["library_name"]}
        if (
            query.get("search", "").lower() in repo.id.lower()
            and query.get("author", info["author"]) == info["author"]
            and query.get("pipeline_tag", info["pipeline_tag"]) == info["pipeline_tag"]
            and all(f in tags for f in query.getlist("filter"))
        ):
            found.append(info)
    if query.get("sort") == "downloads":
        found.sort(key=lambda i: -i["downloads"])
    start, limit = int(query.get("cursor", 0)), min(int(query.get("limit", hub.page_size)), hub.page_size)
    response = JSONResponse(found[start : start + limit])
    if start + limit < len(found):
        more = urlencode([(k, v) for k, v in query.multi_items() if k != "cursor"] + [("cursor", start + limit)])
        response.headers["Link"] = f'<{hub.url}{request.url.path}?{more}>; rel="next"'
    return response


def discussions(hub: HubServer, request: Request, body: bytes) -> Response:
    hub.repo(request)  # transformers looks here for a safetensors conversion
    return JSONResponse({"discussions": [], "count": 0, "start": 0})


# ---------------------------------------------------------------------- files


def snapshot(request: Request, repo: Repo) -> tuple[str, dict[str, Blob]]:
    revision = unquote(request.path_params.get("rev", "main"))
    oid = repo.resolve(revision)
    if oid is None:
        raise _refuse(404, f"Invalid rev id: {revision}", "RevisionNotFound")
    return oid, repo.commits[oid]


def entry(path: str, blob: Blob) -> dict[str, Any]:
    row: dict[str, Any] = {"type": "file", "oid": blob.oid, "size": len(blob.data), "path": path}
    if blob.lfs:
        row["lfs"] = {"oid": blob.sha256, "size": len(blob.data), "pointerSize": len(blob.pointer)}
    return row


def tree(hub: HubServer, request: Request, body: bytes) -> Response:
    _, files = snapshot(request, hub.repo(request))
    return JSONResponse([entry(path, blob) for path, blob in sorted(files.items())])


def paths_info(hub: HubServer, request: Request, body: bytes) -> Response:
    _, files = snapshot(request, hub.repo(request))
    is_json = "json" in request.headers.get("content-type", "")
    spec = json.loads(body) if is_json else parse_qs(body.decode())
    return JSONResponse([entry(p, files[p]) for p in spec.get("paths", []) if p in files])


def preupload(hub: HubServer, request: Request, body: bytes) -> Response:
    _, files = snapshot(request, hub.repo(request, write=True))
    rows = []
    for f in json.loads(body)["files"]:
        known = files.get(f["path"])
        mode = "lfs" if is_lfs(f["path"], f["size"]) else "regular"
        oid = known.etag if known else None  # the client skips unchanged files with it
        rows.append({"path": f["path"], "uploadMode": mode, "shouldIgnore": False, "oid": oid})
    return JSONResponse({"files": rows})


def lfs_batch(hub: HubServer, request: Request, body: bytes) -> Response:
    hub.repo(request, write=True)
    rows = []
    for o in json.loads(body)["objects"]:
        row = {"oid": o["oid"], "size": o["size"], "authenticated": True}
        if o["oid"] not in hub.objects:
            upload = {"href": f"{hub.url}/_lfs/{o['oid']}"}
            row["actions"] = {"upload": upload, "verify": {"href": f"{hub.url}/_lfs/verify"}}
        rows.append(row)
    return JSONResponse({"transfer": "basic", "objects": rows}, media_type=LFS_JSON)


def lfs_put(hub: HubServer, request: Request, body: bytes) -> Response:
    if hashlib.sha256(body).hexdigest() != request.path_params["oid"]:
        raise _refuse(400, "sha256 mismatch")
    hub.objects[request.path_params["oid"]] = body
    return Response(status_code=200)


def lfs_get(hub: HubServer, request: Request, body: bytes) -> Response:
    data = hub.objects.get(request.path_params["oid"])
    if data is None:
        raise _refuse(404, "No such object")
    return ranged(request, data, {"ETag": f'"{request.path_params["oid"]}"'})


def lfs_verify(hub: HubServer, request: Request, body: bytes) -> Response:
    spec = json.loads(body)
    if len(hub.objects.get(spec["oid"], b"")) != spec["size"]:
        raise _refuse(404, "Object not uploaded")
    return JSONResponse({})


def commit(hub: HubServer, request: Request, body: bytes) -> Response:
    repo = hub.repo(request, write=True)
    _, old = snapshot(request, repo)
    files = dict(old)
    for line in body.splitlines():
        item = json.loads(line)
        key, value = item["key"], item["value"]
        if key == "file":
            files[value["path"]] = Blob(base64.b64decode(value["content"]), lfs=False)
        elif key == "lfsFile":
            if value["oid"] not in hub.objects:
                raise _refuse(400, f"LFS object {value['oid']} was never uploaded")
            files[value["path"]] = Blob(hub.objects[value["oid"]], lfs=True)
        elif key == "deletedFile" and files.pop(value["path"], None) is None:
            raise _refuse(404, "A file with this name doesn't exist", "EntryNotFound")
    oid = repo.commit(files, unquote(request.path_params["rev"]))
    url = f"{hub.url}/{repo.id}/commit/{oid}"
    return JSONResponse({"success": True, "commitOid": oid, "commitUrl": url, "hookOutput": ""})


def resolve(hub: HubServer, request: Request, body: bytes) -> Response:
    repo = hub.repo(request)
    oid, files = snapshot(request, repo)
    blob = files.get(request.path_params["path"])
    if blob is None:
        raise _refuse(404, "Entry not found", "EntryNotFound", X_Repo_Commit=oid)
    headers = {"X-Repo-Commit": oid, "ETag": f'"{blob.etag}"', "Accept-Ranges": "bytes"}
    if blob.lfs:  # as the Hub: 302 to storage, the true etag and size in X-Linked-*
        hub.objects[blob.sha256] = blob.data
        headers |= {"X-Linked-Etag": f'"{blob.sha256}"', "X-Linked-Size": str(len(blob.data))}
        return RedirectResponse(f"{hub.cdn}/_lfs/{blob.sha256}", 302, headers)
    return ranged(request, blob.data, headers)


def ranged(request: Request, data: bytes, headers: dict[str, str]) -> Response:
    """The body, honouring `Range: bytes=N-` so that the client can resume a download."""
    found = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
    if not found:
        body = b"" if request.method == "HEAD" else data
        return Response(body, 200, headers | {"Content-Length": str(len(data))}, "application/octet-stream")
    start, end = int(found[1]), min(int(found[2] or len(data) - 1), len(data) - 1)
    if start >= len(data):
        return Response(status_code=416, headers={"Content-Range": f"bytes */{len(data)}"})
    headers |= {"Content-Range": f"bytes {start}-{end}/{len(data)}"}
    return Response(data[start : end + 1], 206, headers, "application/octet-stream")


_KIND, _REPO = "{kind:str}", "{ns}/{name}"
ROUTES = [
    ("/api/whoami-v2", whoami, ["GET"]),
    ("/api/validate-yaml", validate_yaml, ["POST"]),
    ("/api/repos/create", create_repo, ["POST"]),
    ("/api/repos/delete", delete_repo, ["DELETE"]),
    ("/api/agent-harnesses", nothing, ["GET"]),  # the client asks it for its user agent
    (f"/api/{_KIND}", list_repos, ["GET"]),
    (f"/api/{_KIND}/{_REPO}", repo_info, ["GET"]),
    (f"/api/{_KIND}/{_REPO}/settings", change_settings, ["PUT"]),
    (f"/api/{_KIND}/{_REPO}/discussions", discussions, ["GET"]),
    (f"/api/{_KIND}/{_REPO}/revision/{{rev:path}}", repo_info, ["GET"]),
    (f"/api/{_KIND}/{_REPO}/tree/{{rev}}", tree, ["GET"]),
    (f"/api/{_KIND}/{_REPO}/paths-info/{{rev}}", paths_info, ["POST"]),
    (f"/api/{_KIND}/{_REPO}/preupload/{{rev}}", preupload, ["POST"]),
    (f"/api/{_KIND}/{_REPO}/commit/{{rev}}", commit, ["POST"]),
    ("/_lfs/verify", lfs_verify, ["POST"]),
    ("/_lfs/{oid}", lfs_put, ["PUT"]),
    ("/_lfs/{oid}", lfs_get, ["GET", "HEAD"]),
    ("/{kind}/{ns}/{name}.git/info/lfs/objects/batch", lfs_batch, ["POST"]),
    ("/{ns}/{name}.git/info/lfs/objects/batch", lfs_batch, ["POST"]),
    ("/{kind}/{ns}/{name}/resolve/{rev}/{path:path}", resolve, ["GET", "HEAD"]),
    ("/{ns}/{name}/resolve/{rev}/{path:path}", resolve, ["GET", "HEAD"]),
]
