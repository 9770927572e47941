public import Engines
public import Registry

/// Starts invocations (paper, section 6.1). One per node; each invocation lives on the worker that it came in on.
public final class Dispatcher: Sendable {
    let catalogue: Catalogue
    /// Of requests that name no space.
    let standard: Space
    public let admission: Admission
    let limits: InvocationLimits

    public init(
        catalogue: Catalogue, admission: Admission = Admission(), limits: InvocationLimits = InvocationLimits()
    ) {
        self.catalogue = catalogue
        standard = catalogue.standard
        self.admission = admission
        self.limits = limits
    }

    /// Where a tenant's names are looked up.
    public func space(of tenant: String) -> Space { catalogue.space(of: tenant) }

    /// Begins an invocation on the calling worker's loop; `completion` is called there, once, perhaps before this
    /// returns.
    /// - Returns: the handle to cancel it by.
    @discardableResult
    public func invoke(
        _ request: consuming InvocationRequest, on worker: Worker, completion: @escaping (InvocationOutcome) -> Void
    ) -> Invocation {
        let invocation = Invocation(dispatcher: self, worker: worker, request: request, completion: completion)
        invocation.start()
        return invocation
    }
}
