"""Issues on data rows of projects, comments on them, and their categories."""

from __future__ import annotations

from typing import Any

from dragoman_labelbox.emulator import wire
from dragoman_labelbox.emulator.graphql import Handler, Query, not_found
from dragoman_labelbox.emulator.objects import Comment, Issue, Project
from dragoman_labelbox.emulator.state import State

Json = dict[str, Any]


class Issues:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def operations(self) -> dict[str, Handler]:
        return {
            "CreateIssuePyApi": self.create,
            "GetIssuePyApi": lambda query: self._shown(self._at(query)[1]),
            "GetProjectIssuesPyApi": self.listing,
            "GetProjectIssuesExportPyApi": self.export,
            "UpdateIssuePyApi": self.update,
            "ResolveIssuePyApi": lambda query: self._settle(query, resolved=True),
            "OpenIssuePyApi": lambda query: self._settle(query, resolved=False),
            "DeleteIssuePyApi": self.delete,
            **self._comment_operations(),
            **self._category_operations(),
        }

    def _comment_operations(self) -> dict[str, Handler]:
        return {
            "GetIssueCommentsPyApi": self.comments,
            "CreateCommentPyApi": self.comment,
            "UpdateCommentPyApi": self.update_comment,
            "DeleteCommentPyApi": self.delete_comment,
        }

    def _category_operations(self) -> dict[str, Handler]:
        return {
            "GetIssueCategoriesPyApi": lambda query: {
                "issueCategories": list(self._state.project(query.subject()).categories.values())
            },
            "CreateIssueCategoryPyApi": self.create_category,
            "EditIssueCategoryPyApi": self.edit_category,
            "DeleteIssueCategoryPyApi": self.delete_category,
        }

    def _at(self, query: Query) -> tuple[Project, Issue]:
        """Return the issue that a query names, with its project."""
        key = query.get("where")["id"]
        for project in self._state.projects.values():
            if key in project.issues:
                return project, project.issues[key]
        raise not_found("Issue", key)

    def _shown(self, issue: Issue) -> Json:
        return wire.issue(self._state, issue)

    def create(self, query: Query) -> Json:
        data = query.get("data")
        project = self._state.project(data["projectId"])
        made = Issue(
            **self._state.stamp(),
            number=max((issue.number for issue in project.issues.values()), default=0) + 1,
            row_id=self._state.row(data["dataRowId"]).id,
            content=data["content"],
            label_id=data.get("labelId"),
            category_id=data.get("categoryId"),
            position=data.get("position"),
        )
        project.issues[made.id] = made
        return self._shown(made)

    def listing(self, query: Query) -> Json:
        """Return the issues that pass the filters, of those that are on a label."""
        project, where = self._state.project(query.subject()), query.variables.get("where") or {}
        issues = [issue for issue in project.issues.values() if issue.label_id and self._passes(issue, where)]
        shown, following = query.cursor_page(issues, self._state.settings.page_limit)
        nodes = [self._shown(issue) for issue in shown]
        return {"issues": {"nodes": nodes, "nextCursor": following, "totalCount": len(issues)}}

    def _passes(self, issue: Issue, where: Json) -> bool:
        return (
            where.get("status") in (None, "Resolved" if issue.resolved else "Open")
            and where.get("dataRow", {}).get("id") in (None, issue.row_id)
            and where.get("categoryId") in (None, issue.category_id)
            and self._state.user.id in where.get("createdByIds", [self._state.user.id])
            and where.get("content", "").lower() in issue.content.lower()
        )

    def export(self, query: Query) -> Json:
        project, status = self._state.project(query.subject()), query.variables.get("status")
        issues = [issue for issue in project.issues.values() if self._passes(issue, {"status": status})]
        token = self._state.files.put_json([self._shown(issue) for issue in issues])
        return {"issueExportUrl": f"{query.base}/files/{token}"}

    def update(self, query: Query) -> Json:
        _, issue = self._at(query)
        data = query.get("data")
        issue.content = data.get("content", issue.content)
        issue.category_id = data.get("categoryId", issue.category_id)
        issue.position = data.get("position", issue.position)
        issue.label_id = data.get("labelId", issue.label_id)
        issue.updated = self._state.clock.now()
        return self._shown(issue)

    def _settle(self, query: Query, *, resolved: bool) -> Json:
        _, issue = self._at(query)
        issue.resolved = self._state.clock.now() if resolved else None
        return self._shown(issue)

    def delete(self, query: Query) -> bool:
        for key in query.get("data")["issueIds"]:
            for project in self._state.projects.values():
                project.issues.pop(key, None)
        return True

    # -- comments -----------------------------------------------------------------------------------------------------

    def comments(self, query: Query) -> Json:
        _, issue = self._at(query)
        return {"comments": [wire.comment(self._state, each) for each in issue.comments.values()]}

    def comment(self, query: Query) -> Json:
        data = query.get("data")
        for project in self._state.projects.values():
            if data["issueId"] in project.issues:
                made = Comment(**self._state.stamp(), content=data["content"])
                project.issues[data["issueId"]].comments[made.id] = made
                return wire.comment(self._state, made)
        raise not_found("Issue", data["issueId"])

    def _thread(self, query: Query) -> dict[str, Comment]:
        """Return the comments among which is the one that a query names."""
        key = query.get("where")["id"]
        for project in self._state.projects.values():
            for issue in project.issues.values():
                if key in issue.comments:
                    return issue.comments
        raise not_found("Comment", key)

    def update_comment(self, query: Query) -> Json:
        comment = self._thread(query)[query.get("where")["id"]]
        comment.content, comment.updated = query.get("data")["content"], self._state.clock.now()
        return wire.comment(self._state, comment)

    def delete_comment(self, query: Query) -> bool:
        del self._thread(query)[query.get("where")["id"]]
        return True

    # -- categories ---------------------------------------------------------------------------------------------------

    def create_category(self, query: Query) -> Json:
        data = query.get("data")
        made = {"id": self._state.ids.new(), "name": data["name"], "description": data["description"]}
        self._state.project(data["projectId"]).categories[made["id"]] = made
        return made

    def _categories(self, query: Query) -> dict[str, Json]:
        key = query.get("where")["id"]
        for project in self._state.projects.values():
            if key in project.categories:
                return project.categories
        raise not_found("Issue category", key)

    def edit_category(self, query: Query) -> Json:
        category = self._categories(query)[query.get("where")["id"]]
        category |= query.get("data")
        return category

    def delete_category(self, query: Query) -> bool:
        del self._categories(query)[query.get("where")["id"]]
        return True
