/// The changes below a prefix, revision by revision, for as long as one reads.
///
/// Each iteration begins at the watch's first revision and holds a page of changes at most. It ends by an error only:
/// `CancellationError`, `StoreError` with `compacted` for a reader that fell behind what is kept, `closed`, or what the
/// backend throws. After an error a new watch can go on from the last revision seen + 1.
package struct WatchStream: AsyncSequence, Sendable {
    /// Batches whose revisions lie in a row, and where the next page begins.
    package struct Page: Sendable {
        /// In the order of their revisions; revisions without a matching change are left out.
        package var batches: [WatchBatch]
        /// The first revision that the page says nothing about.
        package var next: Int64

        /// Makes a page.
        package init(batches: [WatchBatch], next: Int64) {
            self.batches = batches
            self.next = next
        }
    }

    /// The revision that each iteration begins at.
    package let start: Int64
    /// Gives the changes from a revision on, waiting as long as there is nothing to tell.
    package typealias Pages = @Sendable (Int64) async throws -> Page

    /// What an iteration gets its pages from, asked for anew by each.
    package let makePages: @Sendable () -> Pages

    /// Makes a stream of pages. `page` is given a revision and returns the changes from it on, waiting as long as there
    /// is nothing to tell; it must heed cancellation.
    package init(from revision: Int64, page: @escaping Pages) {
        start = revision
        makePages = { page }
    }

    /// Makes a stream whose iterations hold something each, a connection say: it lives as long as the iterator does.
    package init(from revision: Int64, makingPages: @escaping @Sendable () -> Pages) {
        start = revision
        makePages = makingPages
    }

    /// Reads from the watch's first revision on.
    package func makeAsyncIterator() -> Iterator { Iterator(cursor: start, page: makePages()) }

    /// One reader's place in the changes.
    package struct Iterator: AsyncIteratorProtocol {
        private var cursor: Int64
        private let page: Pages
        private var batches: ArraySlice<WatchBatch> = []

        init(cursor: Int64, page: @escaping Pages) {
            self.cursor = cursor
            self.page = page
        }

        /// The next revision with a matching change; waits for it. Never nil.
        ///
        /// - Throws: `CancellationError`, `StoreError`.
        package mutating func next() async throws -> WatchBatch? {
            while true {
                try Task.checkCancellation()
                if let batch = batches.popFirst() { return batch }
                let page = try await page(cursor)
                cursor = page.next
                batches = page.batches[...]
            }
        }
    }
}
