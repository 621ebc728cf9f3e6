// A table with a first column that stays while the rest scrolls sideways. Text only ever becomes
// text nodes: nothing that people wrote acts as markup.
const make = (tag, name, words) => {
  const node = document.createElement(tag)
  if (name) node.className = name
  if (words !== undefined && words !== null) node.textContent = words
  return node
}

const heading = (column) => {
  const cell = make("th", column.base ? "base" : "")
  cell.scope = "col"
  const dot = make("span", "dot")
  dot.style.background = column.colour
  cell.append(dot, make("span", "name", column.name))
  if (column.base) cell.append(make("span", "tag", "base"))
  cell.title = column.title
  return cell
}

const filled = (cell, column, plain) => {
  const node = make("td", [cell.differs ? "differs" : "", column.base ? "base" : ""].join(" ").trim())
  if (cell.title) node.title = cell.title
  const line = make("div", "line")
  line.append(make("span", cell.code ? "code" : cell.number ? "number" : "words", cell.value))
  if (cell.best) line.append(make("span", "best", "best"))
  if (cell.value === "–") line.className = "line none"
  node.append(line)
  if (cell.share !== undefined) {
    const track = make("div", "track")
    const bar = make("div", "bar")
    bar.style.width = `${Math.round(cell.share * 1000) / 10}%`
    bar.style.background = column.colour
    track.append(bar)
    node.append(track)
  }
  if (!plain) node.append(make("div", `delta ${cell.tone ?? ""}`, cell.delta || "\u00a0"))
  return node
}

export default function (component) {
  const { data, parentElement } = component
  const old = parentElement.querySelector(".matrix")
  const left = old ? old.scrollLeft : 0
  const box = make("div", "matrix")
  box.tabIndex = 0
  box.setAttribute("role", "region")
  box.setAttribute("aria-label", data.label)
  const table = make("table")
  const head = table.createTHead().insertRow()
  head.append(make("td", "corner"), ...data.columns.map(heading))
  const body = table.createTBody()
  for (const row of data.rows) {
    const line = body.insertRow()
    if (row.differs) line.className = "differs"
    const name = make("th")
    name.scope = "row"
    name.title = row.title
    const first = make("div", "title")
    if (row.way) {
      const arrow = make("span", "way", row.way === "up" ? "↑" : "↓")
      arrow.title = row.way === "up" ? "Higher is better" : "Lower is better"
      first.append(arrow)
    }
    first.append(make("span", row.code ? "key" : "", row.name))
    name.append(first)
    if (row.about) name.append(make("div", "about", row.about))
    line.append(name, ...row.cells.map((cell, i) => filled(cell, data.columns[i], data.plain)))
  }
  box.append(table)
  if (old) old.replaceWith(box)
  else parentElement.append(box)
  box.scrollLeft = left
}
